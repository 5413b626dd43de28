//! A program in another language, written from `docs/spec` alone, reads the vectors and a real drive.

mod bin;

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// `CRANNOG_PYTHON`, else the one that `cargo xtask setup` makes, else the system's.
fn python() -> PathBuf {
    let own = root().join("target/venv/bin/python3");
    match std::env::var_os("CRANNOG_PYTHON") {
        Some(path) => path.into(),
        None if own.exists() => own,
        None => "python3".into(),
    }
}

/// Runs it; its last line says how many checks passed and that none failed.
fn run(script: &str, arguments: &[PathBuf]) {
    let mut command = Command::new(python());
    command
        .arg(root().join("tools/reader").join(script))
        .args(arguments);
    let output = command
        .env_remove("CRANNOG_HOME")
        .output()
        .expect("Python; `cargo xtask setup` makes one");
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    let hint = "`cargo xtask setup` installs what the reader needs";
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{script}: {}, {hint}\n{said}{errors}",
        output.status
    );
    let passed: u64 = last
        .split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0);
    assert!(passed > 0 && last.ends_with(" 0 failed"), "{script}: {last}");
    println!("{script}: {last}");
}

#[test]
fn reads_the_vectors() {
    run("test_vectors.py", &[]);
}

#[test]
fn reads_a_drive_from_the_words_and_the_servers_directory() {
    run("e2e.py", &[bin::crannogd(), bin::crannog()]);
}
