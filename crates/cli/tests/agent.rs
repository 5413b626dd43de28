//! The program as command and as agent, without a server: start on demand, one agent, stop, a newer program.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crannog_agent_api::lock_file::{self, Lock};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// A profile of its own; its agent is stopped at the end.
struct Profile {
    folder: TempDir,
    program: PathBuf,
}

impl Profile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        Self {
            folder,
            program: env!("CARGO_BIN_EXE_crannog").into(),
        }
    }

    /// With a copy of the program, which can be replaced.
    fn with_own_program() -> Self {
        let mut profile = Self::new();
        let own = profile.folder.path().join("crannog");
        replace(&own);
        profile.program = own;
        profile
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        self.dress(&mut command).args(words);
        command
    }

    fn dress<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let run = self.folder.path().join("run");
        command
            .env("CRANNOG_HOME", self.home())
            .env("XDG_RUNTIME_DIR", run);
        command.env_remove("CRANNOG_PASSWORD_FILE").stdin(Stdio::null())
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn json(&self, words: &[&str]) -> (Option<i32>, Value) {
        let output = self.command(words).arg("--json").output().unwrap();
        let document = serde_json::from_slice(&output.stdout);
        (
            output.status.code(),
            document.unwrap_or_else(|_| panic!("no JSON: {output:?}")),
        )
    }

    fn pid(&self) -> i32 {
        let (code, document) = self.json(&["agent", "status"]);
        assert_eq!(
            (code, &document["result"]["running"]),
            (Some(0), &Value::Bool(true)),
            "{document}"
        );
        document["result"]["pid"].as_i64().unwrap().try_into().unwrap()
    }

    /// Waits for the agent's last breath.
    fn wait_for_its_end(&self) {
        drop(Lock::wait(&self.home(), lock_file::AGENT).unwrap());
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = self.command(&["agent", "stop"]).output();
    }
}

/// As a package manager does it: a new file under the old name. By another process, because a program that a thread of ours
/// still has open for writing, in a child that it is about to start, cannot be run.
fn replace(program: &Path) {
    let new = program.with_extension("new");
    assert!(
        Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_crannog"))
            .arg(&new)
            .status()
            .unwrap()
            .success()
    );
    std::fs::rename(new, program).unwrap();
}

#[test]
fn a_look_starts_nothing() {
    let profile = Profile::new();
    for words in [&["agent", "status"][..], &["agent", "stop"], &["lock"]] {
        assert!(profile.run(words).status.success(), "{words:?}");
    }
    assert!(!profile.home().exists());
}

#[test]
fn many_commands_start_one_agent() {
    let profile = Profile::new();
    let children: Vec<_> = (0..8)
        .map(|_| {
            profile
                .command(&["ls"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(10), "{output:?}");
    }
    let log = std::fs::read_to_string(profile.home().join("agent.log")).unwrap();
    assert_eq!(log.matches("how=Detached").count(), 1, "{log}");
    let first = profile.pid();
    assert!(profile.run(&["agent", "start"]).status.success());
    assert_eq!(profile.pid(), first);
}

#[test]
fn nobody_waits_for_the_agent_to_close_what_it_inherited() {
    let profile = Profile::new();
    let mut shell = Command::new("sh");
    // `output` is back only when every copy of the pipe is closed, number 7 too.
    profile
        .dress(&mut shell)
        .args(["-c", "exec \"$0\" status 7>&1", env!("CARGO_BIN_EXE_crannog")]);
    assert_eq!(shell.output().unwrap().status.code(), Some(10));
    let session = std::fs::read_to_string(format!("/proc/{}/stat", profile.pid())).unwrap();
    let fields: Vec<&str> = session.rsplit_once(") ").unwrap().1.split(' ').collect();
    assert_eq!(
        fields[3],
        profile.pid().to_string(),
        "not the leader of its own session"
    );
}

#[test]
fn stopped_killed_and_out_of_reach() {
    let profile = Profile::new();
    assert!(profile.run(&["agent", "start"]).status.success());
    let first = profile.pid();
    assert!(profile.run(&["agent", "stop"]).status.success());
    assert!(
        Lock::try_take(&profile.home(), lock_file::AGENT)
            .unwrap()
            .is_some()
    );

    assert!(profile.run(&["agent", "start"]).status.success());
    let second = profile.pid();
    assert_ne!(first, second);
    kill(Pid::from_raw(second), Signal::SIGKILL).unwrap();
    profile.wait_for_its_end();
    assert_eq!(profile.run(&["status"]).status.code(), Some(10));

    let third = profile.pid();
    assert_ne!(second, third);
    let socket = lock_file::place(&profile.home()).unwrap().socket;
    std::fs::remove_file(&socket).unwrap();
    assert_eq!(profile.run(&["status"]).status.code(), Some(10));
    assert_ne!(profile.pid(), third);

    kill(Pid::from_raw(profile.pid()), Signal::SIGTERM).unwrap();
    profile.wait_for_its_end();
    assert!(!socket.exists());
}

#[test]
fn a_newer_program_goes_on_in_the_same_process() {
    let profile = Profile::with_own_program();
    assert!(profile.run(&["agent", "start"]).status.success());
    let (_, before) = profile.json(&["agent", "status"]);
    replace(&profile.program);
    // The first command after the change already speaks with the new program.
    assert_eq!(profile.run(&["status"]).status.code(), Some(10));
    let (_, after) = profile.json(&["agent", "status"]);
    assert_eq!(before["result"]["pid"], after["result"]["pid"]);
    assert_ne!(before["result"]["build"], after["result"]["build"]);
    // Still the one agent: it kept the lock.
    assert!(
        Lock::try_take(&profile.home(), lock_file::AGENT)
            .unwrap()
            .is_none()
    );
    assert!(profile.run(&["agent", "stop"]).status.success());
}

#[test]
fn a_newer_program_that_does_not_run_changes_nothing() {
    let profile = Profile::with_own_program();
    assert!(profile.run(&["agent", "start"]).status.success());
    let pid = profile.pid();
    let broken = profile.program.with_extension("new");
    std::fs::write(&broken, "no program").unwrap();
    std::fs::rename(&broken, &profile.program).unwrap();
    let mut other = Command::new(env!("CARGO_BIN_EXE_crannog"));
    assert_eq!(
        profile
            .dress(&mut other)
            .arg("status")
            .output()
            .unwrap()
            .status
            .code(),
        Some(10)
    );
    let mut other = Command::new(env!("CARGO_BIN_EXE_crannog"));
    let output = profile
        .dress(&mut other)
        .args(["agent", "status"])
        .output()
        .unwrap();
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains(&format!("{pid}\n"))
    );
    let mut other = Command::new(env!("CARGO_BIN_EXE_crannog"));
    assert!(
        profile
            .dress(&mut other)
            .args(["agent", "stop"])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn another_program_elsewhere_is_served() {
    let profile = Profile::with_own_program();
    assert!(profile.run(&["agent", "start"]).status.success());
    let pid = profile.pid();
    let mut other = Command::new(env!("CARGO_BIN_EXE_crannog"));
    assert_eq!(
        profile
            .dress(&mut other)
            .arg("status")
            .output()
            .unwrap()
            .status
            .code(),
        Some(10)
    );
    assert_eq!(profile.pid(), pid);
}

#[test]
fn a_second_agent_in_the_foreground_is_refused() {
    let profile = Profile::new();
    assert!(profile.run(&["agent", "start"]).status.success());
    let output = profile.run(&["agent", "start", "--foreground"]);
    assert_eq!(output.status.code(), Some(9), "{output:?}");
}

#[test]
fn failures_have_a_code_a_text_and_a_document() {
    let profile = Profile::new();
    let output = profile.run(&["ls"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("crannog: this profile has no account: /"),
        "{text}"
    );
    assert!(
        text.ends_with("\nhint: run `crannog join` or `crannog recover`\n"),
        "{text}"
    );
    let (code, document) = profile.json(&["ls"]);
    assert_eq!((code, &document["ok"]), (Some(10), &Value::Bool(false)));
    assert_eq!(document["error"]["code"], "no_account");
    let (code, document) = profile.json(&["ls", "relative"]);
    assert_eq!(
        (code, &document["error"]["code"]),
        (Some(2), &Value::String("usage".into()))
    );
}

#[test]
fn a_home_that_others_can_enter_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let profile = Profile::new();
    std::fs::create_dir(profile.home()).unwrap();
    std::fs::set_permissions(profile.home(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (code, document) = profile.json(&["status"]);
    assert_eq!(
        (code, &document["error"]["code"]),
        (Some(1), &Value::String("local_io".into()))
    );
}

#[test]
fn words_are_not_written_over_anything_and_not_shown_to_a_pipe() {
    let profile = Profile::new();
    let words = profile.folder.path().join("words");
    std::fs::write(&words, "mine").unwrap();
    let join = ["join", "--name", "alice", "--invite-file", "missing"];
    assert_eq!(
        profile
            .run(&[&join[..], &["--words-file", words.to_str().unwrap()]].concat())
            .status
            .code(),
        Some(9)
    );
    assert_eq!(profile.run(&join).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&words).unwrap(), "mine");
}

#[test]
fn what_cannot_be_taken_back_is_not_done_for_a_script_that_is_not_sure() {
    let profile = Profile::new();
    for words in [
        &["drive", "delete", "photos"][..],
        &["trash", "empty"],
        &["unshare", "/photos", "bob"],
        &["unshare", "/photos", "--all"],
        &["leave", "/photos"],
    ] {
        let (code, document) = profile.json(words);
        assert_eq!(code, Some(2), "{words:?}");
        let hint = document["error"]["hint"].as_str().unwrap();
        assert!(hint.contains("--yes"), "{words:?}: {hint}");
        // Asked in vain of an agent without an account, but asked.
        assert_eq!(profile.run(&[words, &["--yes"]].concat()).status.code(), Some(10));
        assert_eq!(
            profile.run(&[words, &["--dry-run"]].concat()).status.code(),
            Some(10)
        );
    }
}

#[test]
fn words_that_name_too_little() {
    let profile = Profile::new();
    for (words, message) in [
        (&["unshare", "/photos"][..], "nobody is named"),
        (&["put", "a"], "a destination is needed"),
        (&["put", "a", "relative"], "this is no remote path"),
        (&["get", "relative", "."], "this is no remote path"),
        (&["cp", "/a"], "a destination is needed"),
    ] {
        let (code, document) = profile.json(words);
        assert_eq!(
            (code, &document["error"]["message"]),
            (Some(2), &Value::String(message.into())),
            "{words:?}"
        );
    }
}

#[test]
fn a_watch_that_cannot_begin_says_why_and_prints_nothing() {
    let profile = Profile::new();
    let output = profile.run(&["watch", "--json"]);
    assert_eq!(output.status.code(), Some(10), "{output:?}");
    let (code, document) = profile.json(&["contacts"]);
    assert_eq!(
        (code, &document["error"]["code"]),
        (Some(10), &Value::String("no_account".into()))
    );
}

#[test]
fn an_audit_needs_no_account() {
    let profile = Profile::new();
    let file = profile.folder.path().join("notes.txt");
    std::fs::write(&file, "no evidence").unwrap();
    let (code, document) = profile.json(&["audit", file.to_str().unwrap()]);
    assert_eq!(
        (code, &document["error"]["code"]),
        (Some(2), &Value::String("usage".into()))
    );
}
