//! Notes by which somebody goes, or wants new keys (attacks 15, 31, 66).

use crannog_agent_api::request::Role;
use crannog_core::inbox::Purpose;
use crannog_testkit::Device;

use crate::seen::{alarm, kinds, refusals};
use crate::share::{Share, account, inject, insider};

async fn names(device: &Device) -> Vec<String> {
    let members = device.members("photos:/").await.unwrap();
    members.into_iter().map(|member| member.name).collect()
}

/// CHK-031 (attacks 15, 31): nobody leaves in another's name, and an old wish removes nobody who came back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_031_leaving_is_one_s_own() {
    let mut share = Share::new().await;
    let alice = share.mallory.meet("alice").await;
    let bob = share.mallory.meet("bob").await;
    let epoch = share.read.state.epoch().unwrap();
    let leave = Purpose::Leave {
        journal: share.photos,
        epoch,
    };
    // In Bob's name, with Mallory's device; with his device's id; with his chain and root; and somebody who is no member at all.
    let mut eve = insider(&share.site, "eve").await;
    eve.meet("alice").await;
    for step in 0..3 {
        let mut note = share.mallory.note(&alice, leave.clone());
        let bobs = share.mallory.chain(&bob).unwrap();
        note.sender.account = bob;
        if step > 0 {
            note.sender.device = bobs.devices[0].id;
        }
        if step > 1 {
            note.chain = bobs.cite();
            note.sender_root = bobs.root;
        }
        share.mallory.drop_note(&note).await;
    }
    eve.send(&alice, leave.clone()).await;
    share.alice.sync().await.unwrap();
    assert_eq!(names(&share.alice).await, ["alice", "bob", "mallory"]);
    let refused = refusals(&share.alice).await;
    assert_eq!(refused.len(), 3, "Eve's note is good, and says nothing");
    assert!(refused.iter().all(|text| text.contains("CHK-031")), "{refused:?}");
    assert_eq!(kinds(&share.to_alice, share.photos), "");

    // Her own: one that is obeyed, one that the server keeps for later.
    let obeyed = share.mallory.seal(&share.mallory.note(&alice, leave.clone()));
    let kept = share.mallory.seal(&share.mallory.note(&alice, leave));
    share.mallory.transport.inbox_put(&alice, &obeyed).await.unwrap();
    share.alice.sync().await.unwrap();
    assert_eq!(names(&share.alice).await, ["alice", "bob"]);
    share
        .alice
        .share("photos:/", "mallory", Role::Writer)
        .await
        .unwrap();
    share.to_alice.heard();
    // What is shown once more is passed over, and nobody is blamed for it: an honest device may have ended before it could be deleted.
    for old in [obeyed, kept.clone(), kept] {
        inject(&share.to_alice, old);
        share.alice.sync().await.unwrap();
        assert_eq!(
            names(&share.alice).await,
            ["alice", "bob", "mallory"],
            "she came back"
        );
        assert_eq!(refusals(&share.alice).await.len(), 3);
    }
    assert_eq!(kinds(&share.to_alice, share.photos), "");
    share.to_alice.repent();
    // The honest twin: her wish of now.
    let mut read = share.mallory.accept().await;
    let leave = Purpose::Leave {
        journal: share.photos,
        epoch: read.state.epoch().unwrap(),
    };
    share.mallory.send(&alice, leave).await;
    share.alice.sync().await.unwrap();
    assert_eq!(names(&share.alice).await, ["alice", "bob"]);
    share.mallory.read_on(&mut read).await;
    assert!(read.state.is_removed());
    share.end().await;
}

/// Attack 31: only an admin obeys a leave; whoever is none lets it be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_obeys_no_leave() {
    let mut share = Share::new().await;
    let bob = share.mallory.meet("bob").await;
    let leave = Purpose::Leave {
        journal: share.photos,
        epoch: u64::MAX,
    };
    share.mallory.send(&bob, leave).await;
    share.bob.sync().await.unwrap();
    assert_eq!(names(&share.bob).await, ["alice", "bob", "mallory"]);
    assert_eq!(kinds(&share.to_bob, share.photos), "");
    assert_eq!(alarm(&share.bob).await, None);
    share.bob.put("photos:/more", b"more").await.unwrap();
    assert_eq!(account(&share.bob).await, bob);
    share.end().await;
}

/// Attack 66: a flood of wishes for new keys makes none that are not needed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_66_a_flood_of_refresh_notes() {
    let mut share = Share::new().await;
    let alice = share.mallory.meet("alice").await;
    let mut eve = insider(&share.site, "eve").await;
    eve.meet("alice").await;
    let refresh = Purpose::Refresh {
        journal: share.photos,
    };
    for _ in 0..40 {
        share.mallory.send(&alice, refresh.clone()).await;
    }
    eve.send(&alice, refresh.clone()).await;
    eve.send(
        &alice,
        Purpose::Refresh {
            journal: crannog_proto::JournalId([7; 32]),
        },
    )
    .await;
    share.alice.sync().await.unwrap();
    assert_eq!(kinds(&share.to_alice, share.photos), "");
    assert_eq!(refusals(&share.alice).await, [""; 0]);
    // The honest twin: one is needed.
    share.mallory.second_device().await;
    share.mallory.send(&alice, refresh).await;
    share.alice.sync().await.unwrap();
    assert_eq!(kinds(&share.to_alice, share.photos), "R");
    share.end().await;
}
