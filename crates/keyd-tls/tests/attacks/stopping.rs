//! The stop.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::parties::Party;
use crate::world::{World, exactly};

#[tokio::test]
async fn what_is_under_way_ends_and_nobody_new_comes() {
    let mut world = World::new();
    let (mut client, mut keys) = world.served(&Party::new()).await;
    world.stop();
    // Until the listener is gone, a connection is taken and closed.
    while TcpStream::connect(world.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    client.write_all(b"ping").await.unwrap();
    assert_eq!(exactly::<4>(&mut keys).await, *b"ping");
    keys.write_all(b"pong").await.unwrap();
    drop(keys);
    assert_eq!(exactly::<4>(&mut client).await, *b"pong");
    drop(client);
    world.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_does_not_end_is_cut_off() {
    let mut world = World::bounded(|limits| limits.stop_time = Duration::from_millis(200));
    let (mut client, mut keys) = world.served(&Party::new()).await;
    world.stop();
    world.serving.await.unwrap().unwrap();
    assert_eq!(keys.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(
        client.read(&mut [0; 1]).await.is_err(),
        "the end was not the key process's"
    );
}
