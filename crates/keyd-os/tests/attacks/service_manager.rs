use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};

use crate::trial::{PROGRAM, Trial};

#[test]
fn news_reaches_the_manager_through_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let (manager, place) = (
        UnixDatagram::bind(&path).unwrap(),
        folder.path().display().to_string(),
    );
    let mut command = Command::new(PROGRAM);
    command
        .args(["server", &place, &place, "closed"])
        .env("NOTIFY_SOCKET", &path);
    let mut trial = Trial::run(command);
    trial.line();
    assert_eq!(trial.ask("notify"), "ok");
    let next = || {
        let mut bytes = [0; 100];
        let len = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    };
    assert_eq!([next(), next()], ["READY=1", "WATCHDOG=1"]);
}

/// `sh` gives the socket number 3 and its own process number to the program, as a service manager does.
fn with_handed_socket(folder: &str, socket: OwnedFd, pid: &str, name: &str) -> Trial {
    let script = format!(
        "exec 3<&0 0</dev/null; LISTEN_PID={pid} LISTEN_FDS=1 LISTEN_FDNAMES={name} exec {PROGRAM} server {folder} {folder} open"
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .stdin(Stdio::from(socket))
        .stdout(Stdio::piped());
    Trial::adopt(command)
}

#[test]
fn a_socket_of_the_manager_is_taken_over_by_its_name() {
    let made = |pid, name| {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("managers.sock")).unwrap();
        let place = folder.path().display().to_string();
        let mut trial = with_handed_socket(&place, listener.into(), pid, name);
        assert_eq!(trial.line(), "open");
        folder.path().join("s.sock").exists()
    };
    assert!(!made("$$", "clients"), "it makes none of its own");
    assert!(made("$$", "others"), "the honest twin: another name");
    assert!(
        made("1", "clients"),
        "the variables were meant for another process"
    );
}

#[test]
fn a_socket_that_does_not_listen_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    for socket in [
        OwnedFd::from(UnixDatagram::bind(folder.path().join("datagrams")).unwrap()),
        OwnedFd::from(std::os::unix::net::UnixStream::pair().unwrap().0),
        OwnedFd::from(fs::File::open("/dev/null").unwrap()),
        OwnedFd::from(std::net::TcpListener::bind("127.0.0.1:0").unwrap()),
    ] {
        let (lines, status) = with_handed_socket(&place, socket, "$$", "clients").end();
        assert!(lines.is_empty() && !status.success(), "{lines:?}");
    }
}
