//! `cargo deny`, if it is installed.

use std::process::Command;

use crate::{Outcome, layout, run, setup};

/// Licences, bans and sources always; advisories when their database can be had.
pub fn check() -> Outcome {
    let Some(program) = setup::find_cargo_deny() else {
        eprintln!("ci deny: NOT CHECKED, cargo-deny is not installed (cargo install --locked cargo-deny)");
        return Ok(());
    };
    // cargo deny as a subcommand and as a program read the same words.
    let deny = || {
        let mut command = Command::new(&program);
        command.current_dir(layout::root());
        command
    };
    for manifest in ["Cargo.toml", "xtask/Cargo.toml"] {
        let mut command = deny();
        command.args([
            "--manifest-path",
            manifest,
            "--locked",
            "--config",
            "deny.toml",
            "check",
        ]);
        run::run(command.args(["--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    }
    let fetched = run::output(deny().args(["--locked", "--config", "deny.toml", "fetch", "db"]));
    if !fetched.is_ok_and(|output| output.status.success()) {
        eprintln!("ci deny: advisories NOT CHECKED, their database cannot be fetched from here");
        return Ok(());
    }
    run::run(deny().args([
        "--locked",
        "--offline",
        "--config",
        "deny.toml",
        "check",
        "advisories",
    ]))
}
