//! The commands of README.md, run as they stand there, with the real binaries.

use std::path::PathBuf;
use std::process::Command;

/// The lines of the page's console blocks, but for the two that do everything (they run this test).
fn script() -> String {
    let page = include_str!("../../../README.md");
    let (mut inside, mut script) = (false, String::from("set -euo pipefail\n"));
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside)
            && !command.starts_with("cargo xtask")
        {
            script.push_str(command);
            script.push('\n');
        }
    }
    // A free port instead of the one that people would choose; the invite names the real one.
    script.replace("127.0.0.1:7443", "127.0.0.1:0")
}

#[test]
fn readme_commands_work() {
    let (Some(crannogd), Some(crannog)) = (std::env::var_os("CRANNOGD_BIN"), std::env::var_os("CRANNOG_BIN"))
    else {
        panic!("CRANNOGD_BIN and CRANNOG_BIN must name the built binaries; `cargo xtask test` sets them");
    };
    let folder = tempfile::tempdir().unwrap();
    let mut path = std::ffi::OsString::new();
    for binary in [crannogd, crannog] {
        path.push(PathBuf::from(binary).parent().unwrap());
        path.push(":");
    }
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let ending = "\ncrannog agent stop; unset CRANNOG_HOME; crannog agent stop; kill %1; wait\n";
    let mut script = script();
    script.push_str("cmp photos/lake.txt restored/lake.txt\n");
    let script = format!("trap '{}' EXIT\n{script}", ending.trim());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&folder)
        .env_remove("CRANNOG_PASSWORD_FILE")
        .env_remove("CRANNOG_HOME")
        .env("HOME", folder.path())
        .env("XDG_RUNTIME_DIR", folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    assert!(text(&output.stdout).contains("a lake in June"));
}
