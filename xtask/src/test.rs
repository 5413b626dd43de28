//! Everything that must hold.

use std::process::Command;
use std::sync::Mutex;

use crate::layout::{Binaries, Profile, root};
use crate::{Outcome, build, ci, layout, run, setup};

const SERVER: &str = "crannog-server";

/// `cargo xtask test`: all parts run, whatever fails; the closing lines come together at the end.
pub fn run() -> Outcome {
    setup::run(setup::For::Tests)?;
    let binaries = build::run(Profile::Dev)?;
    let closing = Mutex::new(Vec::new());
    let mut failures = Vec::new();
    let mut part = |outcome: Outcome| {
        if let Err(error) = outcome {
            eprintln!("FAILED: {error}");
            failures.push(error.to_string());
        }
    };
    for mut command in runners(&binaries) {
        part(run::tests(&mut command, &closing));
    }
    part(ci::all());

    let lines = closing.into_inner().unwrap_or_default();
    println!("\n== what the test runners said");
    lines.iter().for_each(|line| println!("{line}"));
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (p, f, s) in lines.iter().map(|line| run::counts(line)) {
        (passed, failed, skipped) = (passed + p, failed + f, skipped + s);
    }
    for failure in &failures {
        println!("FAILED: {}", failure.lines().next().unwrap_or_default());
    }
    println!("tests: {passed} passed, {failed} failed, {skipped} skipped");
    match failures.len() {
        0 if passed == 0 => Err("no test was run".into()),
        0 => Ok(()),
        n => Err(format!("{n} parts failed").into()),
    }
}

/// The test runs: the server by a call of its own, the others, the doctests, and the tests of this program.
fn runners(binaries: &Binaries) -> Vec<Command> {
    let nextest = run::exists("cargo-nextest");
    let others: &[&str] = &["--workspace", "--exclude", SERVER];
    let server: &[&str] = &["-p", SERVER];
    let mut commands = Vec::new();
    for selection in [server, others] {
        let mut command = cargo(binaries);
        if nextest {
            command.args(["nextest", "run", "--locked", "--no-fail-fast"]);
        } else {
            command.args(["test", "--locked", "--no-fail-fast", "--lib", "--bins", "--tests"]);
        }
        command.args(selection);
        commands.push(command);
    }
    for selection in [server, others] {
        let mut command = cargo(binaries);
        command.args(["test", "--locked", "--doc"]).args(selection);
        commands.push(command);
    }
    let mut own = cargo(binaries);
    own.args(["test", "--locked", "--manifest-path", "xtask/Cargo.toml"]);
    commands.push(own);
    commands
}

/// A cargo call that tells tests where the real programs are.
pub fn cargo(binaries: &Binaries) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root());
    command
        .env("CRANNOGD_BIN", &binaries.crannogd)
        .env("CRANNOG_BIN", &binaries.crannog);
    command.env("CRANNOG_PYTHON", layout::venv().join("bin/python"));
    command
}

/// The test programs have no optimization otherwise.
const OPTIMIZED: &str = "profile.dev.package.crannog-testkit.opt-level=2";

/// A test of the testkit by itself, at the size that these variables say, everything optimized. What a failed one leaves is kept.
pub fn long(name: &str, variables: &[(&str, String)]) -> Outcome {
    setup::run(setup::For::Tests)?;
    let mut cargo = cargo(&build::run(Profile::Release)?);
    cargo.env("CRANNOG_SOAK_KEEP", layout::kept());
    for (variable, value) in variables {
        cargo.env(variable, value);
    }
    cargo.args(["test", "--locked", "--config", OPTIMIZED]);
    cargo.args(["-p", "crannog-testkit", "--test", name, "--", "--nocapture"]);
    run::run(&mut cargo)
}
