//! Bytes both ways.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use crate::parties::Party;
use crate::world::World;

/// More than all buffers on the way together.
const MUCH: usize = 8 << 20;

fn bytes(seed: u8) -> Vec<u8> {
    (0..MUCH).map(|at| seed.wrapping_add((at % 251) as u8)).collect()
}

async fn send(mut to: impl AsyncWrite + Unpin, bytes: &[u8]) {
    to.write_all(bytes).await.unwrap();
    to.shutdown().await.unwrap();
}

async fn all(mut from: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_at_once() {
    let world = World::new();
    let (client, keys) = world.served(&Party::new()).await;
    let (from_service, to_service) = split(client);
    let (from_client, to_client) = split(keys);
    let (question, answer) = (bytes(1), bytes(2));
    let (heard, told, (), ()) = tokio::join!(
        all(from_client),
        all(from_service),
        send(to_service, &question),
        send(to_client, &answer),
    );
    assert!(heard == question && told == answer);
}

#[tokio::test]
async fn a_client_that_has_said_its_last_hears_the_answer() {
    let world = World::new();
    let (client, keys) = world.served(&Party::new()).await;
    let (from_service, to_service) = split(client);
    let (mut from_client, to_client) = split(keys);
    let (question, answer) = (bytes(3), bytes(4));
    let ((), heard) = tokio::join!(send(to_service, &question), all(&mut from_client));
    assert!(heard == question);
    let ((), told) = tokio::join!(send(to_client, &answer), all(from_service));
    assert!(told == answer);
}

#[tokio::test]
async fn a_key_process_that_has_said_its_last_still_hears() {
    let world = World::new();
    let (client, keys) = world.served(&Party::new()).await;
    let (mut from_service, to_service) = split(client);
    let (from_client, to_client) = split(keys);
    let (question, answer) = (bytes(5), bytes(6));
    let ((), told) = tokio::join!(send(to_client, &answer), all(&mut from_service));
    assert!(told == answer);
    let ((), heard) = tokio::join!(send(to_service, &question), all(from_client));
    assert!(heard == question);
}

#[tokio::test]
async fn an_answer_arrives_though_the_key_process_did_not_hear_the_client_out() {
    let world = World::bounded(|limits| limits.linger_time = Duration::from_secs(600));
    let (client, mut keys) = world.served(&Party::new()).await;
    let (from_service, mut to_service) = split(client);
    keys.write_all(b"HTTP/1.1 413 Payload Too Large\r\n\r\n")
        .await
        .unwrap();
    drop(keys);
    let question = bytes(7);
    // It is taken for nothing: were it not, the answer could be lost on its way.
    let ((), told) = tokio::join!(send(&mut to_service, &question), all(from_service));
    assert_eq!(told, b"HTTP/1.1 413 Payload Too Large\r\n\r\n");
}

#[tokio::test]
async fn who_vanishes_ends_for_the_key_process_too() {
    let world = World::new();
    let (client, keys) = world.served(&Party::new()).await;
    let (tcp, _) = client.into_inner();
    drop(tcp);
    assert!(all(keys).await.is_empty());
    world.still_serves().await;
}
