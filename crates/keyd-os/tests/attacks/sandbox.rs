use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use crannog_keyd_os::{Confinement, HardenError, Linux, Platform};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::trial::{Trial, root};

/// A closed service, its state, and the folder of its configuration.
struct Service {
    trial: Trial,
    state: TempDir,
    config: TempDir,
}

fn service(how: &str) -> Service {
    let (state, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(config.path().join("policy.toml"), "format = 1").unwrap();
    let place = |folder: &TempDir| folder.path().display().to_string();
    let mut trial = Trial::start(&["server", &place(&state), &place(&config), how]);
    let measures = trial.line();
    match how {
        "closed" => assert_eq!(measures, "[Files, Scope, Calls] missing []"),
        _ => assert_eq!(measures, "open"),
    }
    Service { trial, state, config }
}

fn connect(state: &Path) -> Trial {
    Trial::start(&["connect", &state.join("s.sock").display().to_string(), "1234"])
}

#[test]
fn everything_that_a_service_does_survives() {
    let Service {
        mut trial,
        state,
        config,
    } = service("closed");
    fs::set_permissions(state.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for _ in 0..3 {
        trial.say("accept");
        let (lines, status) = connect(state.path()).end();
        assert!(status.success(), "{status} {lines:?}");
        let seen = trial.line();
        assert!(
            seen.starts_with("user Some(") && seen.ends_with("program Some(\"keyd-os-trial\")"),
            "{seen}"
        );
    }
    let policy = config.path().join("policy.toml").display().to_string();
    for word in [
        "store",
        "memory",
        "time",
        "member 0",
        "member 54321",
        "notify",
        "store",
    ] {
        assert_eq!(trial.ask(word), "ok", "{word}");
    }
    assert_eq!(trial.ask(&format!("read {policy}")), "ok");
    assert_eq!(trial.ask("user root"), "Ok(Some(UserId(0)))");
    assert_eq!(trial.ask("user nobody-has-this-name"), "Ok(None)");
    assert_eq!(trial.ask("panic"), "refused", "caught by its task");
    // Replaced as an editor and useradd do it.
    fs::write(config.path().join("new"), "format = 1\n").unwrap();
    fs::rename(config.path().join("new"), config.path().join("policy.toml")).unwrap();
    assert_eq!(trial.ask(&format!("read {policy}")), "ok");
    let (lines, status) = trial.end();
    assert!(status.success() && lines.is_empty(), "{status} {lines:?}");
}

#[test]
fn files_outside_are_out_of_reach() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("shadow");
    fs::write(&secret, "root:x").unwrap();
    let (secret, new) = (
        secret.display().to_string(),
        outside.path().join("new").display().to_string(),
    );
    let attacks = |how| {
        let Service {
            mut trial,
            state,
            config,
        } = service(how);
        let policy = config.path().join("policy.toml").display().to_string();
        let (inside, link) = (state.path().join("inside"), state.path().join("link"));
        fs::write(&inside, "x").unwrap();
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        let moved = format!("move {} {new}", inside.display());
        [
            format!("read {secret}"),
            format!("read {}", link.display()),
            format!("write {policy}"),
            moved,
            format!("write {new}"),
        ]
        .map(|word| trial.ask(&word))
    };
    assert_eq!(attacks("closed"), ["refused"; 5]);
    assert_eq!(attacks("open"), ["ok"; 5], "the honest twin");
}

#[test]
fn a_forbidden_call_kills() {
    for word in [
        "exec", "tcp", "udp", "bind", "ptrace", "kill", "root", "limit", "dumpable",
    ] {
        let mut closed = service("closed");
        closed.trial.say(word);
        let (lines, status) = closed.trial.end();
        let signal = status.signal();
        assert_eq!(
            (lines.len(), signal),
            (0, Some(Signal::SIGSYS as i32)),
            "{word}: {lines:?} {status}"
        );
    }
    let mut open = service("open");
    for word in ["exec", "tcp", "udp", "bind", "kill", "limit", "dumpable"] {
        assert_eq!(open.trial.ask(word), "ok", "the honest twin: {word}");
    }
    if root("becoming root again") {
        assert_eq!(open.trial.ask("root"), "ok", "the honest twin");
    }
}

#[test]
fn a_plan_with_a_missing_folder_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let place = state.path().display().to_string();
    let missing = format!("{place}/missing");
    let mut trial = Trial::start(&["server", &place, &place, "closed", &missing]);
    let said = trial.line();
    assert!(
        said.starts_with(&format!("refused: {missing}: No such file")),
        "{said}"
    );
}

#[test]
fn a_second_thread_would_stay_outside() {
    let plan = Confinement {
        read_write: &[],
        read: &[],
    };
    // The tests' own threads run.
    let error = Linux::new().confine(&plan).unwrap_err();
    assert!(
        matches!(error, HardenError::ThreadsRunning { threads: 2.. }),
        "{error}"
    );
}
