//! Who may append, a writer's keys in her hands and the server at her side: whatever she writes, clients decide by the member list.

use crannog_core::drive::{DriveBatch, DriveOp, Manifest, NodeId};
use crannog_core::journal::{Content, EntryDraft, Ground, Payload, Role, seal_entry};
use crannog_proto::sign::{Signature, message};
use crannog_proto::{BlobId, Entry, Header, Kind, SeqRange, Signer, decode, encode, labels};
use crannog_testkit::{DEVICE_NAME, Insider, NOW, random_entry};

use crate::circle::Circle;
use crate::seen::{alarm, folder, picture, refusals};

/// Mallory may only append from now on, and Bob has seen it.
async fn demoted() -> Circle {
    let mut circle = Circle::new().await;
    let mallory = circle.mallory.account;
    circle
        .alice
        .admit(&mut circle.by_alice, &[(mallory, Role::Append)])
        .await;
    circle.read_on().await;
    let bob = circle.bob.wake_copy().await;
    assert_eq!(alarm(&bob).await, None);
    circle.picture = picture(&bob).await;
    circle.bob = bob.rest().await;
    circle
}

fn payload(content: Content) -> Payload {
    Payload {
        time: NOW,
        device_name: DEVICE_NAME.to_owned(),
        cites: Vec::new(),
        content,
    }
}

fn ops(ops: Vec<DriveOp>) -> Content {
    let filler = Vec::new();
    Content::Drive(DriveBatch { ops, filler })
}

fn sealed(ground: &Ground<'_>, kind: Kind, content: Content) -> Entry {
    let payload = payload(content);
    let draft = EntryDraft {
        entry: random_entry(),
        kind,
        adds: Vec::new(),
        drops: Vec::new(),
        payload: &payload,
    };
    seal_entry(ground, draft, &mut rand::rng()).unwrap().entry
}

/// The same entry with another header, under the append key.
fn bent(mallory: &Insider, circle: &Circle, entry: &Entry, bend: impl FnOnce(&mut Header)) -> Entry {
    let mut header: Header = decode(&entry.header).unwrap();
    bend(&mut header);
    let header = encode(&header);
    let key = mallory.ground(&circle.by_mallory).secrets.append_key().unwrap();
    Entry {
        signature: Signature(key.sign(&message(labels::ENTRY, &header))),
        header,
        body: entry.body.clone(),
    }
}

/// CHK-017, CHK-016 and CHK-024 (attack 52): with the keys of a writer and of an admin, stolen elsewhere, and a server that takes everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_017_an_append_member_with_every_key_and_the_server() {
    let circle = demoted().await;
    let (alice, mallory) = (&circle.alice, &circle.mallory);
    let stolen = Ground {
        author: mallory.author(),
        device_key: &mallory.keys.signing,
        ..alice.ground(&circle.by_alice)
    };
    let last = circle.by_alice.last().0;
    let lost = vec![SeqRange { from: 1, to: last }];
    let manifest = Manifest {
        through: 0,
        forgotten: 0,
        segments: Vec::new(),
    };
    let kinds = [
        (Kind::Change, ops(vec![folder("planted")])),
        (Kind::Checkpoint { through: 0 }, Content::Checkpoint(manifest)),
        (Kind::Reset { through: last, lost }, Content::Reset),
        (Kind::Prune { ranges: Vec::new() }, Content::Prune),
        (Kind::Close, Content::Close),
    ];
    for (kind, content) in kinds {
        let what = format!("{kind:?}");
        let entry = sealed(&stolen, kind, content);
        circle.assert_refused(&what, "CHK-017", vec![entry]).await;
    }
    for signer in [Signer::Writer, Signer::Admin] {
        let rekey = alice.rekey_on(&circle.by_alice.state, &stolen, signer, |_| {});
        let what = format!("a rekey as {signer:?}");
        circle
            .assert_refused(&what, "CHK-017", vec![rekey.sealed.entry])
            .await;
    }
    // With no key but her own, what the server should never have taken is the server's lie.
    let own = mallory.ground(&circle.by_mallory);
    let append = sealed(&own, Kind::Append, ops(vec![folder("planted")]));
    let close = bent(mallory, &circle, &append, |header| header.kind = Kind::Close);
    circle.assert_refused("a close", "CHK-016", vec![close]).await;
    let change = bent(mallory, &circle, &append, |header| header.kind = Kind::Change);
    circle.assert_refused("a change", "CHK-016", vec![change]).await;
    let drops = bent(mallory, &circle, &append, |header| {
        header.drops = vec![BlobId([5; 32])]
    });
    circle.assert_refused("drops", "CHK-024", vec![drops]).await;
    circle
        .assert_taken("an honest append", vec![append], Some("planted"))
        .await;
}

/// CHK-017 (attack 52): what she says under her own key and may not say changes nothing and stops nobody. The doctor has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_017_a_bad_append_is_passed_over_and_told() {
    let circle = demoted().await;
    let nodes: Vec<NodeId> = circle
        .by_alice
        .drive_ops()
        .filter_map(|op| match op {
            DriveOp::Create { node, .. } => Some(*node),
            _ => None,
        })
        .collect();
    assert!(!nodes.is_empty());
    let ground = circle.mallory.ground(&circle.by_mallory);
    let trash = nodes.iter().map(|node| DriveOp::Trash { node: *node }).collect();
    let trash = sealed(&ground, Kind::Append, ops(trash));
    circle.show(vec![trash]);
    let bob = circle.bob.wake_copy().await;
    assert_eq!(alarm(&bob).await, None);
    assert_eq!(bob.cat("photos:/first").await.unwrap(), b"the first");
    let told = refusals(&bob).await;
    assert!(
        told[0].contains("CHK-017") && told[0].contains("mallory"),
        "{told:?}"
    );
    circle.liar.repent();
    bob.close().await;
    let honest = sealed(&ground, Kind::Append, ops(vec![folder("more")]));
    circle
        .assert_taken("her own folder", vec![honest], Some("more"))
        .await;
}
