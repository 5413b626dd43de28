//! New devices and old generations: who may only append renews nothing, and is waited for by nobody.

use crannog_agent_api::Code;
use crannog_core::drive::{Attrs, DriveOp, NewNode, NodeId};
use crannog_core::inbox::Purpose;
use crannog_proto::api::AppendResult;
use crannog_testkit::{Device, NOW};

use crate::host::{Backups, ops, payload};

/// The machine got another device, whose account has new keys: its run waits until a writer's device has renewed the drive's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovered_host_goes_on_when_a_writer_was_there() {
    let backups = Backups::new().await;
    let url = backups.site.url();
    let words = backups.hand.sheet.words.clone();
    let other = Device::recover(&url, "nas", &words, "other").await.unwrap();
    other.sync().await.unwrap();
    let mut done = false;
    for _ in 0..8 {
        match other.put("backups:/of-the-other", b"other").await {
            Ok(_) => {
                done = true;
                break;
            }
            Err(failure) => assert_eq!(failure.code, Code::TryAgain, "{failure:?}"),
        }
        backups.alice.sync().await.unwrap();
        other.sync().await.unwrap();
    }
    assert!(done, "Alice was asked, and renewed the keys");
    backups.alice.sync().await.unwrap();
    assert_eq!(
        backups.alice.cat("backups:/of-the-other").await.unwrap(),
        b"other"
    );
    other.close().await;
    backups.assert_kept("another device").await;
    backups.end().await;
}

/// A device that no list cites says nothing; after a Refresh that names no newer generation the list cites it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_added_is_cited_when_it_asks() {
    let mut backups = Backups::new().await;
    let alice = backups.hand.meet("alice").await;
    backups.hand.add_device().await;
    let folder = |name: &str| DriveOp::Create {
        node: NodeId::generate(NOW, &mut rand::rng()),
        parent: NodeId::ROOT,
        name: name.to_owned(),
        attrs: Attrs::default(),
        new: NewNode::Directory,
    };
    let loot = backups.loot().await;
    let before = loot.state.epoch();
    let early = backups.seal(
        &backups.ground(&loot),
        &payload(ops(vec![folder("early")])),
        Vec::new(),
    );
    assert!(matches!(
        backups.append(&early.entry).await,
        AppendResult::Done(_)
    ));
    let journal = backups.journal;
    backups.hand.send(&alice, Purpose::Refresh { journal }).await;
    backups.alice.sync().await.unwrap();
    let loot = backups.loot().await;
    assert_eq!(loot.state.epoch(), before.map(|epoch| epoch + 1));
    let late = backups.seal(
        &backups.ground(&loot),
        &payload(ops(vec![folder("late")])),
        Vec::new(),
    );
    assert!(matches!(backups.append(&late.entry).await, AppendResult::Done(_)));
    // Asked again, for nothing: the list is as new as her chain.
    backups.hand.send(&alice, Purpose::Refresh { journal }).await;
    backups.alice.sync().await.unwrap();
    assert_eq!(backups.loot().await.state.epoch(), before.map(|epoch| epoch + 1));
    let paths = backups.alice.list("backups:/").await.unwrap();
    let has = |name: &str| paths.iter().any(|node| node.path == name);
    assert!(has("late") && !has("early"));
    backups.assert_kept("a device of its own making").await;
    backups.end().await;
}
