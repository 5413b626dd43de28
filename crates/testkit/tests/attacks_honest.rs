//! The harness itself: everything works when nobody lies.

use crannog_testkit::{Device, Liar, Site, World};

#[tokio::test]
async fn a_file_goes_there_and_back() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (device, _) = Device::join(&url, &invite, "alice").await.unwrap();
    device.put("/note.txt", b"hello").await.unwrap();
    assert_eq!(device.cat("/note.txt").await.unwrap(), b"hello");
    device.close().await;
    site.assert_sound();
}

#[tokio::test]
async fn an_honest_liar_is_a_server() {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (_, invite) = site.invite();
    let (device, sheet) = Device::join(&liar.url(), &invite, "alice").await.unwrap();
    let bytes: Vec<u8> = (0..9_000_000u32).map(|i| (i % 251) as u8).collect();
    device.put("/large", &bytes).await.unwrap();
    assert_eq!(device.cat("/large").await.unwrap(), bytes);
    let other = Device::recover(&liar.url(), "alice", &sheet.text, "desk")
        .await
        .unwrap();
    assert_eq!(other.cat("/large").await.unwrap(), bytes);
    device.close().await;
    other.close().await;
}

#[tokio::test]
async fn an_honest_world_converges() {
    let world = World::new(
        async |author| drop(author.put("/early", b"1").await.unwrap()),
        async |author| drop(author.put("/late", b"2").await.unwrap()),
    )
    .await;
    let victim = world.victim().await;
    assert_eq!(victim.failure, None);
    assert_eq!(victim.device.paths().await, world.author.paths().await);
    victim.device.close().await;
}
