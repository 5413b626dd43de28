//! The two programs. `crannogd` has a cargo call of its own, so that no feature that the client asks for (SQLCipher, above
//! all) reaches it.

use std::path::PathBuf;
use std::process::Command;

use crate::layout::{Binaries, Profile, program, root};
use crate::{Outcome, run};

/// `cargo xtask build [--release]`.
pub fn command(arguments: &[String]) -> Outcome {
    let profile = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Profile::Dev,
        ["--release"] => Profile::Release,
        _ => return Err("usage: cargo xtask build [--release]".into()),
    };
    crate::setup::run(crate::setup::For::Demo)?;
    let built = run(profile)?;
    println!("{}\n{}", built.crannogd.display(), built.crannog.display());
    Ok(())
}

/// Builds both.
pub fn run(profile: Profile) -> Outcome<Binaries> {
    server(profile)?;
    one("crannog-cli", "crannog", profile)?;
    Ok(Binaries::of(profile))
}

/// Builds the server alone.
pub fn server(profile: Profile) -> Outcome<PathBuf> {
    one("crannog-server", "crannogd", profile)?;
    Ok(Binaries::of(profile).crannogd)
}

/// Builds the key service's program alone.
pub fn keyd(profile: Profile) -> Outcome<PathBuf> {
    one("crannog-keyd-cli", "crannog-keyd", profile)?;
    Ok(program("crannog-keyd", profile))
}

fn one(package: &str, binary: &str, profile: Profile) -> Outcome {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(root())
        .args(["build", "--locked", "-p", package, "--bin", binary]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    run::run(&mut cargo)
}
