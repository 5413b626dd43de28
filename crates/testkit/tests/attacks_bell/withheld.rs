//! A bell that tells nothing, or the old: who believes it, for how long, and what shows the truth (attack 35).

use std::collections::HashMap;
use std::time::Duration;

use crannog_agent_api::{Answer, Request};
use crannog_testkit::{Device, Route, World};

use crate::listener::{Listener, known, world};

/// A device works on 64 rings at once: when it answers the ping behind so many, most of them are done with.
const FLOOD: usize = 200;

/// CHK-025: a bell that is open, answers, and keeps every ring to itself is believed for so long only.
#[tokio::test]
async fn chk_025_a_silent_bell_is_not_believed_for_ever() {
    let world = world().await;
    let mut victim = Listener::new(&world).await;
    let before = victim.device.status().await;
    assert!(before.online, "{before:?}");
    world.liar.toll(|_| Vec::new());
    world.author.put("/withheld", b"withheld").await.unwrap();
    victim.bell.rung_for(victim.drive).await;
    victim.bell.answers().await;
    victim.assert_unchanged("a silent bell").await;
    let during = victim.device.status().await;
    assert_eq!((during.online, during.last_heard), (true, before.last_heard));
    assert_eq!(reads(&world), 0, "it was believed");
    victim.device.engine.ask_every(Duration::from_millis(50));
    victim.sees("withheld").await;
    // The same bell, which still says nothing.
    victim.bell.answers().await;
    let after = victim.device.status().await;
    assert!(after.online && after.last_heard > before.last_heard);
    assert_eq!((after.alarms, after.behind), (Vec::new(), 0));
    victim.device.close().await;
}

/// CHK-025: receipts that were shown before prove nothing, however often they are shown.
#[tokio::test]
async fn chk_025_a_replayed_ring_proves_nothing() {
    let world = world().await;
    let mut victim = Listener::new(&world).await;
    world.author.put("/old", b"old").await.unwrap();
    let old = victim.bell.rung_for(victim.drive).await;
    victim.sees("old").await;
    let first = victim.device.status().await.last_heard;
    world.author.put("/new", b"new").await.unwrap();
    let new = victim.bell.rung_for(victim.drive).await;
    victim.sees("new").await;
    let (last, picture) = (
        victim.device.status().await.last_heard,
        victim.device.picture().await,
    );
    assert!(
        last > first,
        "the honest twin: news prove that the server is current"
    );
    world.liar.heard();
    for rung in [&old, &new] {
        for _ in 0..FLOOD {
            victim.bell.say(rung.said());
        }
    }
    victim.bell.answers().await;
    let status = victim.device.status().await;
    assert_eq!(
        (status.last_heard, status.alarms, status.behind),
        (last, Vec::new(), 0)
    );
    assert_eq!(victim.device.picture().await, picture);
    assert_eq!(reads(&world), 0, "nothing is asked because of them");
    victim.device.close().await;
}

/// CHK-025: a server that stands still for one device looks current to `status`, as nothing contradicts it. What another device signed
/// last it cannot renew, and `devices` says how old that is.
#[tokio::test]
async fn chk_025_devices_says_who_was_not_heard() {
    let world = world().await;
    let mut victim = Listener::new(&world).await;
    let heard = async |device: &Device| known(device, "author").await.heard.unwrap();
    let before = heard(&victim.device).await;
    assert_eq!(before, written(&victim.device, "/early").await, "its own word");
    freeze(&world, &victim.device).await;
    world.author.put("/news", b"news").await.unwrap();
    victim.bell.rung_for(victim.drive).await;
    let fresh = victim.device.status().await.last_heard;
    victim.device.sync().await.unwrap();
    victim.assert_unchanged("a frozen server").await;
    assert!(victim.device.status().await.last_heard >= fresh);
    assert_eq!(heard(&victim.device).await, before);
    world.liar.repent();
    victim.device.sync().await.unwrap();
    let after = heard(&victim.device).await;
    assert!(after > before);
    assert_eq!(after, written(&victim.device, "/news").await);
    victim.device.close().await;
}

/// How often entries were asked for since the liar was last looked at.
fn reads(world: &World) -> usize {
    let heard = world.liar.heard();
    let reads = heard
        .iter()
        .filter(|e| matches!(e.ask.route(), Route::Entries(_)));
    reads.count()
}

/// When the only version of a file was written, as its author signed.
async fn written(device: &Device, path: &str) -> i64 {
    let path = path.parse().unwrap();
    let Ok(Answer::Versions(versions)) = device.perform(Request::Versions { path }).await else {
        panic!("versions")
    };
    versions[0].time
}

/// Whatever this device asks from now on is answered as now, and the bell is silent.
async fn freeze(world: &World, device: &Device) {
    device.sync().await.unwrap();
    let answers: HashMap<String, _> = world
        .liar
        .heard()
        .into_iter()
        .map(|exchange| (exchange.ask.path, exchange.told))
        .collect();
    world.liar.toll(|_| Vec::new());
    world.liar.swallow(move |ask| match ask.route() {
        Route::Account | Route::Entries(_) => Some(answers[&ask.path].clone()),
        _ => None,
    });
}
