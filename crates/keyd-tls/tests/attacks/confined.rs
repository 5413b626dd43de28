//! The process as it runs for good: shut in, and still serving, reading its certificate again, and stopping.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{ChildStdout, Command};
use tokio_rustls::TlsConnector;

use crate::parties::Party;
use crate::world::{KeyProcess, config, exactly, replace, write_pair};

async fn serves(address: &str, server: &Party, keys: &KeyProcess) {
    let party = Party::new();
    let connector = TlsConnector::from(Arc::new(config(server, &party)));
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = connector.connect(name, stream).await.unwrap();
    let met = keys.meet().await;
    assert_eq!(met.hello.certificate, party.sha256());
    let mut keys = met.let_in().await;
    client.write_all(b"ping").await.unwrap();
    assert_eq!(exactly::<4>(&mut keys).await, *b"ping");
    keys.write_all(b"pong").await.unwrap();
    assert_eq!(exactly::<4>(&mut client).await, *b"pong");
}

async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    lines.next_line().await.unwrap().unwrap()
}

#[tokio::test]
async fn shut_in_it_serves_reloads_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let server = Party::new();
    let (cert, key) = write_pair(folder.path(), &server);
    let sockets = tempfile::tempdir().unwrap();
    let keys = KeyProcess::at(sockets.path().join("keyd.sock"));
    let mut process = Command::new(env!("CARGO_BIN_EXE_keyd-tls-trial"))
        .args([&cert, &key, &keys.path])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = process.id().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    assert_eq!(
        line(&mut lines).await,
        "[NotDumpable, NotTraced, NoCore, Files, Scope, Calls] missing []"
    );
    let address = line(&mut lines).await;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("Seccomp:\t2\n"), "{status}");
    serves(&address, &server, &keys).await;

    let fresh = Party::new();
    write_pair(folder.path(), &fresh);
    let pid = Pid::from_raw(pid.try_into().unwrap());
    kill(pid, Signal::SIGHUP).unwrap();
    assert_eq!(line(&mut lines).await, "reloaded");
    serves(&address, &fresh, &keys).await;

    replace(&key, &fresh.key.serialize_pem(), 0o644);
    kill(pid, Signal::SIGHUP).unwrap();
    let refused = line(&mut lines).await;
    assert!(refused.starts_with("KEY-004"), "{refused}");
    serves(&address, &fresh, &keys).await;

    kill(pid, Signal::SIGTERM).unwrap();
    assert!(process.wait().await.unwrap().success());
}
