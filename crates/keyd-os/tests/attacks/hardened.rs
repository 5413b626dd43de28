use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use nix::sys::ptrace;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use crate::trial::{Trial, root};

const USER: &str = "1234";

/// A victim, and where its secret lies.
fn victim(folder: &Path, user: &str, hardening: &str) -> (Trial, String) {
    let mut victim = Trial::start_in(folder, &["victim", user, hardening]);
    assert_eq!(victim.line(), "here");
    let measures = victim.ask("go on");
    match hardening {
        "hardened" => assert_eq!(measures, "[NotDumpable, NotTraced, NoCore] missing []"),
        _ => assert_eq!(measures, "plain"),
    }
    let address = victim.line();
    (victim, address)
}

fn attack(hardening: &str) -> Vec<String> {
    let (mut victim, address) = victim(Path::new("/"), USER, hardening);
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
        let (mut victim, _) = victim(folder.path(), "0", hardening);
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
    let mut victim = Trial::start(&["victim", "0", "hardened"]);
    assert_eq!(victim.line(), "here");
    ptrace::seize(pid(&victim), ptrace::Options::empty()).unwrap();
    let refused = victim.ask("go on");
    // The kernel names the thread.
    assert!(
        refused.starts_with("refused: process ") && refused.ends_with(" is tracing this one"),
        "{refused}"
    );
}

#[test]
fn root_may_trace_and_is_no_goal() {
    if !root("tracing a hardened process") {
        return;
    }
    let (victim, _) = victim(Path::new("/"), USER, "hardened");
    ptrace::attach(pid(&victim)).unwrap();
    waitpid(pid(&victim), None).unwrap();
    ptrace::detach(pid(&victim), None).unwrap();
}

fn pid(victim: &Trial) -> Pid {
    Pid::from_raw(victim.pid() as i32)
}
