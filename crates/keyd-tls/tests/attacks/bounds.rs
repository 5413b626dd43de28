//! KEY-015: what one client, or all of them, can take. And a key process that is not there.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::parties::Party;
use crate::world::{KeyProcess, World};

const SHORT: Duration = Duration::from_millis(200);
/// For what happens at once.
const ENOUGH: Duration = Duration::from_secs(20);
/// No test waits so long.
const LONG: Duration = Duration::from_secs(600);

/// The beginning of a ClientHello.
const HALF: [u8; 6] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01];

/// A client that stops in the middle of its first message.
async fn half(world: &World, from: &str) -> TcpStream {
    let mut stream = world.tcp(from).await;
    stream.write_all(&HALF).await.unwrap();
    stream
}

/// The other side has closed it.
async fn assert_closed(stream: &mut TcpStream) {
    let mut bytes = [0; 64];
    let read = timeout(ENOUGH, stream.read(&mut bytes)).await.unwrap();
    let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
    assert!(
        matches!(read, Ok(0)) || read.as_ref().is_err_and(reset),
        "not closed: {read:?}"
    );
}

#[tokio::test]
async fn key_015_half_handshakes_hold_up_nobody_elsewhere() {
    let world = World::bounded(|limits| limits.handshake_time = LONG);
    let mut waiting = Vec::new();
    for _ in 0..8 {
        waiting.push(half(&world, "127.0.0.2").await);
    }
    assert_closed(&mut half(&world, "127.0.0.2").await).await;
    world.still_serves().await;

    // Seven more addresses fill what there is for all.
    for address in 3..10 {
        for _ in 0..8 {
            waiting.push(half(&world, &format!("127.0.0.{address}")).await);
        }
    }
    assert_closed(&mut world.tcp("127.0.0.1").await).await;
    let mut leaving = waiting.pop().unwrap();
    leaving.shutdown().await.unwrap();
    while leaving.read(&mut [0; 64]).await.unwrap() > 0 {}
    world.still_serves().await;
}

#[tokio::test]
async fn key_015_a_handshake_has_its_time() {
    let world = World::bounded(|limits| limits.handshake_time = SHORT);
    let mut silent = world.tcp("127.0.0.1").await;
    let mut stuck = half(&world, "127.0.0.1").await;
    assert_closed(&mut silent).await;
    assert_closed(&mut stuck).await;
}

#[tokio::test]
async fn key_015_garbage_is_closed() {
    let world = World::new();
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        &[0xff; 4096],
        &[0x16, 3, 1, 0xff, 0xff],
    ] {
        let mut stream = world.tcp("127.0.0.1").await;
        stream.write_all(garbage).await.unwrap();
        let mut answer = Vec::new();
        // An alert, and the end. Or the end alone, if more was sent than was read.
        drop(stream.read_to_end(&mut answer).await);
        assert!(answer.len() <= 7, "{answer:?}");
    }
    world.still_serves().await;
}

#[tokio::test]
async fn key_015_who_is_not_let_in_yet_keeps_his_seat() {
    let world = World::bounded(|limits| {
        limits.handshakes_per_address = 1;
        (limits.handshake_time, limits.introduction_time) = (LONG, LONG);
    });
    let mut first = world.connect(&Party::new()).await.unwrap();
    let met = world.keys.meet().await;
    assert_closed(&mut world.tcp("127.0.0.1").await).await;
    let mut keys = met.let_in().await;
    keys.write_all(b"x").await.unwrap();
    assert_eq!(first.read_u8().await.unwrap(), b'x');
    world.still_serves().await;
}

#[tokio::test]
async fn key_015_connections_are_counted() {
    let world = World::bounded(|limits| (limits.connections, limits.handshake_time) = (1, LONG));
    let (mut only, keys) = world.served(&Party::new()).await;
    assert_closed(&mut world.tcp("127.0.0.2").await).await;
    drop(keys);
    assert_eq!(only.read(&mut [0; 1]).await.unwrap(), 0);
    only.shutdown().await.unwrap();
    let (mut tcp, _) = only.into_inner();
    assert_closed(&mut tcp).await;
    world.still_serves().await;
}

#[tokio::test]
async fn key_009_a_client_that_no_rule_names_is_closed() {
    let world = World::new();
    let mut client = world.connect(&Party::new()).await.unwrap();
    client
        .write_all(b"GET /v1/sys/health HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let mut keys = world.keys.meet().await.answer(0).await;
    assert_eq!(client.read(&mut [0; 64]).await.unwrap(), 0, "ended, and properly");
    assert_eq!(
        keys.read(&mut [0; 64]).await.unwrap(),
        0,
        "nothing but the hello came"
    );
    world.still_serves().await;
}

#[tokio::test]
async fn chk_029_neither_yes_nor_no_is_no() {
    let world = World::new();
    let mut client = world.connect(&Party::new()).await.unwrap();
    let _keys = world.keys.meet().await.answer(2).await;
    assert_eq!(client.read(&mut [0; 64]).await.unwrap(), 0);
    world.still_serves().await;
}

#[tokio::test]
async fn key_015_a_key_process_that_does_not_answer_is_not_waited_for() {
    let world = World::bounded(|limits| limits.introduction_time = SHORT);
    let mut client = world.connect(&Party::new()).await.unwrap();
    let _unanswered = world.keys.accept().await;
    assert_eq!(client.read(&mut [0; 64]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_key_process_that_closes_unread_or_is_away_and_comes_back() {
    let mut world = World::new();
    let mut client = world.connect(&Party::new()).await.unwrap();
    drop(world.keys.accept().await);
    assert_eq!(client.read(&mut [0; 64]).await.unwrap(), 0);
    // Dead, with its socket left behind; then with none.
    let path = world.keys.path.clone();
    world.keys = KeyProcess::at(world.folder.path().join("elsewhere.sock"));
    let mut client = world.connect(&Party::new()).await.unwrap();
    assert_eq!(client.read(&mut [0; 64]).await.unwrap(), 0);
    std::fs::remove_file(&path).unwrap();
    let mut client = world.connect(&Party::new()).await.unwrap();
    assert_eq!(client.read(&mut [0; 64]).await.unwrap(), 0);
    // Back.
    world.keys = KeyProcess::at(path);
    world.still_serves().await;
}

#[tokio::test]
async fn key_015_a_client_that_does_not_read_is_let_go() {
    let world = World::bounded(|limits| limits.stall_time = SHORT);
    let (client, mut keys) = world.served(&Party::new()).await;
    let piece = vec![7; 1 << 20];
    while keys.write_all(&piece).await.is_ok() {}
    drop(client);
    world.still_serves().await;
}

#[tokio::test]
async fn key_015_a_client_that_does_not_end_is_let_go() {
    let world = World::bounded(|limits| limits.linger_time = SHORT);
    let (mut client, keys) = world.served(&Party::new()).await;
    drop(keys);
    assert_eq!(client.read(&mut [0; 64]).await.unwrap(), 0);
    while client.write_all(&[7; 1024]).await.is_ok() && client.flush().await.is_ok() {}
    world.still_serves().await;
}
