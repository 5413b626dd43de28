//! The honest twin: nobody lies, and news come through the bell alone.

use crannog_proto::api::Ring;
use crannog_proto::{Hash, JournalId};
use crannog_testkit::{Device, Liar, Route, Said, Site};

use crate::listener::{Listener, sees, until, world};

/// What one device puts, the other shows, and it asked for nothing. A ring that comes without its entry makes it ask.
#[tokio::test]
async fn a_put_is_heard_through_the_bell_alone() {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    liar.pass_bell();
    let (laptop, sheet) = Device::join(&liar.url(), &site.invite().1, "alice")
        .await
        .unwrap();
    let first = liar.held().await;
    let desk = Device::recover(&liar.url(), "alice", &sheet.words, "desk")
        .await
        .unwrap();
    let second = liar.held().await;
    laptop.sync().await.unwrap();
    desk.sync().await.unwrap();
    first.answers().await;
    second.answers().await;
    liar.heard();
    desk.put("/from the desk", b"1").await.unwrap();
    sees(&laptop, "from the desk").await;
    laptop.put("/from the laptop", b"2").await.unwrap();
    sees(&desk, "from the laptop").await;
    let asked = liar.heard();
    let reads = asked
        .iter()
        .filter(|e| matches!(e.ask.route(), Route::Entries(_)));
    assert_eq!(reads.count(), 0, "rings bring the entries");
    // Too many names for an inline body.
    let folder = desk.scratch.path().join("many");
    for at in 0..300 {
        desk.local(&format!("many/{at:03} {}", "n".repeat(100)), b"");
    }
    desk.put_tree(&folder, "/").await.unwrap();
    until("the laptop reads on", async || {
        (laptop.paths().await.len() == 302).then_some(())
    })
    .await;
    assert_eq!(laptop.paths().await, desk.paths().await);
    assert_eq!(laptop.status().await.alarms, []);
    laptop.close().await;
    desk.close().await;
}

/// A third device comes, and every journal gets new keys: the bell that was held out under the old ones goes on ringing.
#[tokio::test]
async fn a_bell_outlives_a_rekey() {
    let world = world().await;
    let victim = Listener::new(&world).await;
    let third = Device::recover(&world.site.url(), "alice", &world.sheet.words, "third")
        .await
        .unwrap();
    third.put("/by the third", b"3").await.unwrap();
    victim.sees("by the third").await;
    third.put("/once more", b"3").await.unwrap();
    victim.sees("once more").await;
    victim.bell.answers().await;
    assert_eq!(victim.device.status().await.alarms, []);
    victim.device.close().await;
}

/// Whoever drops something into her inbox makes every bell of hers ring, and so does a liar, as often as it likes: nothing is lost by it.
#[tokio::test]
async fn inbox_rings_for_nothing_are_harmless() {
    let world = world().await;
    let mut victim = Listener::new(&world).await;
    for _ in 0..200 {
        victim.bell.say(Said::inbox());
    }
    victim.bell.answers().await;
    victim.assert_unchanged("an inbox that rings").await;
    world.author.put("/after", b"after").await.unwrap();
    victim.bell.rung_for(victim.drive).await;
    victim.sees("after").await;
    assert!(victim.device.status().await.online);
    victim.device.close().await;
}

/// Rings that come thrice, late, in the wrong order, or for a journal that nobody holds change nothing but what they say.
#[tokio::test]
async fn duplicate_and_reordered_rings_are_harmless() {
    let world = world().await;
    let mut victim = Listener::new(&world).await;
    world
        .liar
        .toll(|rung| vec![rung.said(), rung.said(), rung.said()]);
    world.author.put("/thrice", b"thrice").await.unwrap();
    victim.sees("thrice").await;
    let before = victim.device.picture().await;
    // Held back until told.
    world.liar.toll(|_| Vec::new());
    let mut kept = Vec::new();
    for name in ["/a", "/b", "/c"] {
        world.author.put(name, name.as_bytes()).await.unwrap();
        kept.push(victim.bell.rung_for(victim.drive).await);
    }
    victim.bell.answers().await;
    assert_eq!(
        victim.device.picture().await,
        before,
        "nothing is known of them yet"
    );
    let foreign = world.liar.keys.receipt(JournalId([3; 32]), 7, Hash([3; 32]));
    victim.bell.say(Said::ring(&Ring {
        last: foreign,
        entry: None,
    }));
    for at in [2, 0, 1, 1, 2, 0] {
        victim.bell.say(kept[at].said());
    }
    for name in ["a", "b", "c"] {
        victim.sees(name).await;
    }
    victim.bell.answers().await;
    let status = victim.device.status().await;
    assert_eq!((status.alarms, status.behind), (Vec::new(), 0));
    assert_eq!(victim.device.paths().await, world.author.paths().await);
    world.liar.repent();
    world.author.put("/d", b"d").await.unwrap();
    victim.sees("d").await;
    victim.device.close().await;
}
