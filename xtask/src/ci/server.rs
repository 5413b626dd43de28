//! The server cannot decrypt: it has no code for it.

use std::process::Command;

use super::verdict;
use crate::layout::{Binaries, Profile, root};
use crate::{Outcome, demo, run};

/// Crates that open what clients seal, or that make keys for it.
const FORBIDDEN: &[&str] = &[
    "crannog-seal",
    "crannog-core",
    "crannog-client",
    "crannog-agent",
    "crannog-cli",
    "crannog-keyd",
    "hpke",
    "argon2",
    "bip39",
    "age",
];

/// Names that the program's symbols or strings would show.
const SYMBOLS: &[&str] = &[
    "sqlcipher",
    "crannog_seal",
    "crannog_core",
    "floe",
    "bip39",
    "argon2",
];

/// The dependency tree, and the program itself.
pub fn check() -> Outcome {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(root())
        .args(["tree", "--locked", "-p", "crannog-server", "-e", "normal,build"]);
    let tree = run::capture(cargo.args(["--prefix", "none", "--no-dedupe", "-f", "{p}|{f}"]))?;
    let mut complaints = Vec::new();
    for line in tree.lines() {
        let (package, features) = line.split_once('|').unwrap_or((line, ""));
        let name = package.split(' ').next().unwrap_or_default();
        if FORBIDDEN.contains(&name) || name.starts_with("openssl") {
            complaints.push(format!("crannogd depends on {name}"));
        }
        if (name == "libsqlite3-sys" || name == "rusqlite") && features.contains("sqlcipher") {
            complaints.push(format!("crannogd's {name} has the features {features}"));
        }
    }
    complaints.sort();
    complaints.dedup();

    let crannogd = Binaries::of(Profile::Dev).crannogd;
    run::run(Command::new("cargo").current_dir(root()).args([
        "build",
        "--locked",
        "-p",
        "crannog-server",
        "--bin",
        "crannogd",
    ]))?;
    let program = std::fs::read(&crannogd).map_err(|error| format!("{}: {error}", crannogd.display()))?;
    for symbol in SYMBOLS
        .iter()
        .filter(|symbol| demo::contains(&program, symbol.as_bytes()))
    {
        complaints.push(format!("{} contains {symbol:?}", crannogd.display()));
    }
    verdict(complaints)
}
