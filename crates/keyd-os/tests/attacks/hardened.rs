use std::fs;
use std::os::unix::process::ExitStatusExt;

use nix::sys::ptrace;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use crate::trial::{Trial, root};

const USER: &str = "1234";

fn attack(hardening: &str) -> Vec<String> {
    let mut victim = Trial::start(&["victim", USER, hardening]);
    victim.line();
    let address = victim.line();
    let mut attacker = Trial::start(&["attacker", USER, &victim.pid().to_string(), &address]);
    let (lines, status) = attacker.end();
    assert!(status.success(), "{status}");
    let (sum, _) = victim.end();
    assert_eq!(sum, ["1440"], "the victim is unhurt");
    lines
}

#[test]
fn another_process_of_the_same_user_gets_nothing() {
    if !root("two processes of another user") {
        return;
    }
    let ways = ["mem", "process_vm_readv", "ptrace", "maps", "environ", "auxv"];
    assert_eq!(attack("hardened"), ways.map(|way| format!("{way}: refused")));
    assert_eq!(
        attack("plain"),
        ways.map(|way| format!("{way}: got it")),
        "the honest twin"
    );
}

#[test]
fn a_crash_leaves_no_core() {
    let cores = |hardening| {
        let folder = tempfile::tempdir().unwrap();
        let mut victim = Trial::start_in(folder.path(), &["victim", "0", hardening]);
        victim.line();
        victim.line();
        victim.say("abort");
        let (_, status) = victim.end();
        assert_eq!(status.signal(), Some(6));
        assert!(!status.core_dumped() || hardening == "plain");
        (status.core_dumped(), fs::read_dir(folder.path()).unwrap().count())
    };
    assert_eq!(cores("hardened"), (false, 0));
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    if pattern.trim() == "core" && root("an unlimited core") {
        assert_eq!(cores("plain"), (true, 1), "the honest twin");
    }
}

#[test]
fn a_traced_process_does_not_go_on() {
    let mut victim = Trial::start(&["victim", "0", "plain"]);
    victim.line();
    drop(victim);
    // A tracer from before: this one, through the program that it starts.
    let mut command = std::process::Command::new("strace");
    command.args([
        "-qq",
        "-e",
        "trace=none",
        crate::trial::PROGRAM,
        "victim",
        "0",
        "hardened",
    ]);
    if std::process::Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: no strace");
        return;
    }
    let (lines, status) = Trial::run(command).end();
    assert!(status.success());
    assert!(
        lines[0].starts_with("refused: process ") && lines[0].ends_with(" is tracing this one"),
        "{lines:?}"
    );
}

#[test]
fn root_may_trace_and_is_no_goal() {
    if !root("tracing a hardened process") {
        return;
    }
    let mut victim = Trial::start(&["victim", USER, "hardened"]);
    victim.line();
    victim.line();
    let pid = Pid::from_raw(victim.pid() as i32);
    ptrace::attach(pid).unwrap();
    waitpid(pid, None).unwrap();
    ptrace::detach(pid, None).unwrap();
}
