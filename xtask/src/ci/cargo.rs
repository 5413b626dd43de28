//! Formatting, lints and documentation, each per set of crates whose features may be unified.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, layout, run};

const SETS: &[&[&str]] = &[
    &["-p", "crannog-server"],
    &["--workspace", "--exclude", "crannog-server"],
    &["--manifest-path", "xtask/Cargo.toml"],
];

fn cargo(words: &[&str], set: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(layout::root()).args(words).args(set);
    command
}

/// Every package is formatted.
pub fn fmt() -> Outcome {
    run::run(cargo(&["fmt", "--all"], &[]).arg("--check"))?;
    for manifest in ["xtask/Cargo.toml", "fuzz/Cargo.toml"] {
        if layout::root().join(Path::new(manifest)).is_file() {
            run::run(cargo(&["fmt"], &["--manifest-path", manifest]).arg("--check"))?;
        }
    }
    Ok(())
}

/// No warning in libraries, programs, tests and benches.
pub fn clippy() -> Outcome {
    for set in SETS {
        run::run(cargo(&["clippy", "--locked", "--all-targets"], set).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// No warning in the documentation, private items included.
pub fn doc() -> Outcome {
    for set in SETS {
        let mut command = cargo(&["doc", "--locked", "--no-deps", "--document-private-items"], set);
        run::run(command.env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    Ok(())
}
