//! Invites that are replayed, bent, or lie (attacks 15, 31, 40).

use crannog_agent_api::Code;
use crannog_agent_api::request;
use crannog_core::drive::{DriveOp, NodeId};
use crannog_core::inbox::{Inside, Invite, Purpose};
use crannog_core::journal::{EpochGrant, Role};
use crannog_proto::api::{Drop, Page};
use crannog_proto::{Hash, JournalId};
use crannog_seal::schedule::EpochSecrets;
use crannog_testkit::{Device, Liar, Reading, Route, Signed, Site, Told};

use crate::circle::Circle;
use crate::seen::{alarm, picture, refusals};
use crate::share::{Share, inject, insider, tell_inbox};

/// CHK-031 (attack 15): Alice's invite for Bob, once more to him, to someone else, as something else. It is taken once, by him, as it was
/// signed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_031_an_invite_is_used_once_by_one() {
    let mut share = Share::new().await;
    let bobs = share.mallory.meet("bob").await;
    share.alice.create_drive("second").await.unwrap();
    share
        .alice
        .share("second:/", "bob", request::Role::Reader)
        .await
        .unwrap();
    share
        .alice
        .share("second:/", "mallory", request::Role::Admin)
        .await
        .unwrap();
    // What lies in Bob's inbox, as the server has it.
    share.to_bob.heard();
    share.bob.sync().await.unwrap();
    let drop = share
        .to_bob
        .heard()
        .iter()
        .filter(|exchange| exchange.ask.route() == Route::Inbox)
        .flat_map(|exchange| exchange.told.decode::<crannog_proto::api::Inbox>().drops)
        .next()
        .expect("an invite");
    assert_eq!(share.bob.invites().await.len(), 1);
    let waiting = share.bob.rest().await;
    let again = |sealed: &[u8]| inject(&share.to_bob, sealed.to_vec());

    // While it waits, after it was accepted, after it was declined.
    let bob = waiting.wake_copy().await;
    again(&drop.sealed);
    bob.sync().await.unwrap();
    assert_eq!(bob.invites().await.len(), 1, "it waits once");
    bob.accept("second", None).await.unwrap();
    let before = picture(&bob).await;
    again(&drop.sealed);
    bob.sync().await.unwrap();
    assert_eq!(picture(&bob).await, before, "after it was accepted");
    assert_eq!(
        refusals(&bob).await,
        [""; 0],
        "nobody is blamed for what the server repeats"
    );
    assert_eq!(bob.members("second:/").await.unwrap().len(), 3);

    // Mallory opens hers, and seals Alice's words to Bob: for her, an admin.
    let drops = share.mallory.inbox().await;
    let hers = drops.last().unwrap();
    assert_eq!(hers.invite().role, Role::Admin);
    let (bytes, signature) = hers.signed.clone();
    let mut to_bob = hers.note.clone();
    to_bob.recipient = bobs;
    to_bob.recipient_root = share.mallory.chain(&bobs).unwrap().root;
    let mut later = hers.note.clone();
    later.id = [1; 16];
    later.expires += 1;
    let others: [(&str, Signed); 3] = [
        ("for someone else", (bytes, signature)),
        (
            "for Bob, with her signature",
            (crannog_proto::encode(&to_bob), signature),
        ),
        ("with another id", (crannog_proto::encode(&later), signature)),
    ];
    let mut count = refusals(&bob).await.len();
    for (what, signed) in &others {
        again(&share.mallory.seal_signed(signed, &bobs));
        bob.sync().await.unwrap();
        assert_eq!(picture(&bob).await, before, "{what}");
        let refused = refusals(&bob).await;
        count += 1;
        assert_eq!(refused.len(), count, "{what}");
        assert!(refused[0].contains("CHK-031"), "{what}: {refused:?}");
    }
    bob.close().await;

    // Bob's own drop in Alice's inbox, by the server: it does not even open.
    inject(&share.to_alice, drop.sealed.clone());
    share.alice.sync().await.unwrap();
    assert!(refusals(&share.alice).await[0].contains("CHK-031"));
    assert_eq!(share.alice.invites().await, []);
    share.to_alice.repent();

    share.to_bob.repent();
    declined(&share.alice, &share.to_bob, &share.site).await;
    share.alice.close().await;
    share.site.assert_sound();
}

/// Dora, who declined, sees the invite once more.
async fn declined(alice: &Device, to_bob: &Liar, site: &Site) {
    alice.create_drive("third").await.unwrap();
    let (url, invite) = (to_bob.url(), site.invite().1);
    let (dora, _) = Device::join(&url, &invite, "dora").await.unwrap();
    alice
        .share("third:/", "dora", request::Role::Writer)
        .await
        .unwrap();
    to_bob.heard();
    dora.sync().await.unwrap();
    let heard = to_bob.heard();
    let inboxes = heard
        .iter()
        .filter(|exchange| exchange.ask.route() == Route::Inbox);
    let drop = inboxes
        .flat_map(|exchange| exchange.told.decode::<crannog_proto::api::Inbox>().drops)
        .next()
        .unwrap();
    dora.decline("third").await.unwrap();
    let before = picture(&dora).await;
    inject(to_bob, drop.sealed);
    dora.sync().await.unwrap();
    assert_eq!(picture(&dora).await, before);
    assert_eq!(refusals(&dora).await, [""; 0]);
    to_bob.repent();
    alice.sync().await.unwrap();
    assert_eq!(alice.members("third:/").await.unwrap().len(), 1, "she said no");
    // Invited anew she comes.
    alice
        .share("third:/", "dora", request::Role::Writer)
        .await
        .unwrap();
    dora.sync().await.unwrap();
    dora.accept("third", None).await.unwrap();
    dora.put("third:/here", b"here").await.unwrap();
    dora.close().await;
}

/// CHK-013, CHK-012 and CHK-022 (attacks 5, 15, 34): invites whose inviter lies. What she signed of the journal must be what the server
/// shows, the list decides on roles, and secrets give their public halves. A share that turns out so is left like any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invites_that_lie() {
    let share = Share::new().await;
    let (eve, bob, loot) = share.eve_with_loot().await;
    let honest = eve.invite(&loot, &bob, "loot");
    let asleep = share.bob.rest().await;
    let other = EpochSecrets::generate(&loot.id().0, honest.epoch, &mut rand::rng());
    let bend = |change: &dyn Fn(&mut Invite)| {
        let mut invite = honest.clone();
        change(&mut invite);
        invite
    };
    let cases: Vec<(&str, Option<&str>, Invite)> = vec![
        (
            "another head",
            Some("CHK-013"),
            bend(&|invite| invite.at.head = Hash([7; 32])),
        ),
        (
            "a head beyond the end",
            Some("CHK-012"),
            bend(&|invite| invite.at.seq += 7),
        ),
        (
            "a head at the end of time",
            Some("CHK-012"),
            bend(&|invite| invite.at.seq = u64::MAX),
        ),
        (
            "other secrets",
            None,
            bend(&|invite| invite.grant = EpochGrant::for_role(&other, Role::Writer)),
        ),
        ("an epoch to come", None, bend(&|invite| invite.epoch += 1)),
        (
            "the last epoch that can be counted",
            None,
            bend(&|invite| invite.epoch = u64::MAX),
        ),
        (
            "a journal that is none",
            None,
            bend(&|invite| invite.journal = JournalId([9; 32])),
        ),
    ];
    for (what, check, invite) in cases {
        let note = eve.note(&bob, Purpose::Invite(invite));
        let sealed = eve.seal(&note);
        let mut drops = vec![Drop {
            id: rand::random(),
            sealed,
        }];
        tell_inbox(&share.to_bob, move |real| real.append(&mut drops));
        let bob = asleep.wake_copy().await;
        bob.sync().await.unwrap();
        let failure = bob.accept("loot", None).await.expect_err(what);
        if let Some(check) = check {
            crate::seen::assert_lie(&failure, what, check, "drive loot");
            let alarm = alarm(&bob).await.expect(what);
            assert_eq!(alarm.check.as_deref(), Some(check), "{what}");
        } else {
            // Nothing proves who is wrong; but it is no fault of this program.
            assert_ne!(failure.code, Code::Internal, "{what}: {failure:?}");
            let synced = alarm(&bob).await;
            assert!(
                synced.is_none_or(|alarm| alarm.object.as_deref() == Some("drive loot")),
                "{what}"
            );
        }
        // Nothing else suffers.
        bob.put("photos:/more", what.as_bytes()).await.unwrap();
        bob.put("/own", what.as_bytes()).await.unwrap();
        bob.leave("loot:/").await.unwrap();
        bob.sync().await.unwrap();
        let drives = bob.drives().await;
        assert!(
            drives.iter().all(|drive| drive.name != "loot"),
            "{what}: {drives:?}"
        );
        share.to_bob.repent();
        bob.close().await;
    }

    // An admin's right by the invite, a writer's by the list.
    let mut risen = honest.clone();
    risen.role = Role::Admin;
    risen.grant = eve.grant(&loot, Role::Admin);
    eve.send(&bob, Purpose::Invite(risen)).await;
    let device = asleep.wake_copy().await;
    device.sync().await.unwrap();
    assert_eq!(device.invites().await[0].role, request::Role::Admin, "as it says");
    device.accept("loot", None).await.unwrap();
    let drives = device.drives().await;
    let loot_info = drives.iter().find(|drive| drive.name == "loot").unwrap();
    assert_eq!(loot_info.role, Some(request::Role::Writer), "the list decides");
    let refused = device.unshare("loot:/", &["eve"]).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict, "{refused:?}");
    device.put("loot:/here", b"here").await.unwrap();
    assert_eq!(alarm(&device).await, None);
    device.close().await;
    share.alice.close().await;
    share.site.assert_sound();
}

/// CHK-022 (attacks 15, 51): an invite into an epoch that can't be counted on from, by somebody whom the server helps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_022_an_epoch_beyond_counting() {
    let share = Share::new().await;
    let (mut eve, bob, loot) = share.eve_with_loot().await;
    for epoch in [u64::MAX, u64::MAX - 1, 1 << 40] {
        let (seq, head) = loot.last();
        let (id, stored) = (loot.id(), loot.stored.clone());
        let last = share.keys().receipt(id, seq, head);
        share.to_bob.swallow(move |ask| {
            let after = crate::share::after(&ask.path);
            let entries = stored
                .iter()
                .filter(|stored| after.is_none_or(|after| stored.seq > after));
            let entries = entries.cloned().collect();
            (ask.route() == Route::Entries(id)).then(|| Told::ok(&Page { entries, last }))
        });
        let mut invite = eve.invite(&loot, &bob, "loot");
        invite.epoch = epoch;
        eve.send(&bob, Purpose::Invite(invite)).await;
        share.bob.sync().await.unwrap();
        let failure = share.bob.accept("loot", None).await.unwrap_err();
        crate::seen::assert_lie(&failure, "beyond counting", "CHK-022", "drive loot");
        share.bob.put("photos:/more", b"more").await.unwrap();
        share.bob.leave("loot:/").await.unwrap();
        share.to_bob.repent();
        assert_eq!(alarm(&share.bob).await, None);
    }
    share.is_taken_in(&mut eve, &loot, bob).await;
    share.end().await;
}

/// CHK-022 (attack 15): a grant alone makes nobody a member: she who has the keys and is not in the list has no share.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_022_an_invite_without_a_place_in_the_list() {
    let share = Share::new().await;
    let mut eve = insider(&share.site, "eve").await;
    let bob = eve.meet("bob").await;
    let loot = eve.create_share().await;
    let mut listed = loot.again();
    let (seq, head) = loot.last();
    let invite = Invite {
        journal: loot.id(),
        kind: crannog_core::journal::JournalKind::Drive,
        name: "loot".to_owned(),
        form: crannog_core::inbox::Form::Folder,
        epoch: 0,
        role: Role::Writer,
        grant: eve.grant(&loot, Role::Writer),
        at: crannog_proto::Seen { seq, head },
        inside: None,
    };
    eve.send(&bob, Purpose::Invite(invite)).await;
    share.bob.sync().await.unwrap();
    let failure = share.bob.accept("loot", None).await.unwrap_err();
    crate::seen::assert_lie(&failure, "not in the list", "CHK-022", "drive loot");
    share.bob.put("/own", b"own").await.unwrap();
    share.bob.leave("loot:/").await.unwrap();
    assert_eq!(alarm(&share.bob).await, None);
    eve.admit(&mut listed, &[(bob, Role::Writer)]).await;
    share.is_taken_in(&mut eve, &listed, bob).await;
    share.end().await;
}

/// CHK-023 (attack 51): names that an inviter chooses reach no further than any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_023_invites_with_crooked_names() {
    let share = Share::new().await;
    let (mut eve, bob, mut loot) = share.eve_with_loot().await;
    for name in [
        "..",
        ".",
        "home",
        "main",
        "photos",
        "Recovered",
        "-rf",
        &"x".repeat(64),
        " ",
    ] {
        let mut invite = eve.invite(&loot, &bob, name);
        invite.name = name.to_owned();
        eve.send(&bob, Purpose::Invite(invite)).await;
        share.bob.sync().await.unwrap();
        let id = share.bob.invites().await[0].id.clone();
        let before = share.bob.cat("photos:/first").await.unwrap();
        match share.bob.accept(&id, None).await {
            Ok(()) => {
                let drives = share.bob.drives().await;
                let id = loot.id().to_string();
                let found = drives.iter().find(|drive| drive.id == id).unwrap().name.clone();
                share.bob.put(&format!("{found}:/here"), b"here").await.unwrap();
                share.bob.leave(&format!("{found}:/")).await.unwrap();
                // Taken out by the leave; she comes again.
                let mut again = loot.again();
                eve.read_on(&mut again).await;
                if again.state.members().len() == 1 {
                    eve.admit(&mut again, &[(bob, Role::Writer)]).await;
                }
                loot = again;
            }
            Err(failure) => {
                assert_ne!(failure.code, Code::Internal, "{name}: {failure:?}");
                share.bob.decline(&id).await.unwrap();
            }
        }
        assert_eq!(share.bob.invites().await, [], "{name}");
        assert_eq!(share.bob.cat("photos:/first").await.unwrap(), before, "{name}");
        let paths = share.bob.paths().await;
        assert!(
            paths
                .iter()
                .all(|path| !path.split('/').any(|part| part == ".." || part == ".")),
            "{paths:?}"
        );
    }
    assert_eq!(alarm(&share.bob).await, None);
    share.end().await;
}

/// CHK-031 (attack 15): an invite that waits, by a device that was revoked since, invites nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_031_an_invite_of_a_device_that_was_revoked() {
    let share = Share::new().await;
    let (mut eve, bob, loot) = share.eve_with_loot().await;
    let mut other = eve.create_share().await;
    eve.admit(&mut other, &[(bob, Role::Writer)]).await;
    for (drive, name) in [(&loot, "first"), (&other, "second")] {
        let invite = eve.invite(drive, &bob, name);
        eve.send(&bob, Purpose::Invite(invite)).await;
    }
    share.bob.sync().await.unwrap();
    assert_eq!(share.bob.invites().await.len(), 2);
    let asleep = share.bob.rest().await;
    let bob = asleep.wake_copy().await;
    bob.accept("second", None).await.unwrap();
    assert_eq!(alarm(&bob).await, None, "the honest twin");
    bob.close().await;
    let (stolen, _) = eve.second_device().await;
    eve.revoke(stolen).await;
    let bob = asleep.wake_copy().await;
    let before = bob.drives().await;
    let failure = bob.accept("first", None).await.expect_err("a thief's invite");
    assert!(
        matches!(failure.code, Code::NotFound | Code::VerificationFailed),
        "{failure:?}"
    );
    assert_eq!(bob.drives().await, before);
    assert_eq!(bob.invites().await, []);
    bob.close().await;
    share.alice.close().await;
}

/// Attack 31: an invite with a place in a share is taken by itself when it comes from an admin of that share, and waits when it comes from
/// anyone else; what is there already is not covered up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_with_a_place_in_a_share() {
    let mut circle = Circle::new().await;
    let bob = circle.bobs;
    let (first, second) = (NodeId([1; 16]), NodeId([2; 16]));
    let ops = [(first, "inner"), (second, "other")].map(|(node, name)| match crate::seen::folder(name) {
        DriveOp::Create {
            parent,
            name,
            attrs,
            new,
            ..
        } => DriveOp::Create {
            node,
            parent,
            name,
            attrs,
            new,
        },
        other => other,
    });
    let sealed = circle.alice.seal_ops(&circle.by_alice, ops.to_vec(), Vec::new());
    circle.alice.append(&circle.photos, &sealed).await;
    circle.read_on().await;
    let device = circle.bob.wake_copy().await;
    device.sync().await.unwrap();
    let before = picture(&device).await;
    let inside = |node| {
        Some(Inside {
            journal: circle.photos,
            node,
        })
    };
    // By a writer.
    let mut loot = circle.mallory.create_share().await;
    circle.mallory.admit(&mut loot, &[(bob, Role::Writer)]).await;
    let mut invite = circle.mallory.invite(&loot, &bob, "loot");
    invite.inside = inside(first);
    circle.mallory.send(&bob, Purpose::Invite(invite)).await;
    device.sync().await.unwrap();
    let invites = device.invites().await;
    assert_eq!(invites.len(), 1, "it waits");
    device.decline("loot").await.unwrap();
    assert_eq!(picture(&device).await, before);

    // By an admin.
    let inner = share_inside(&mut circle, "inner", first).await;
    device.sync().await.unwrap();
    assert_eq!(device.invites().await, []);
    let drives = device.drives().await;
    assert!(
        drives.iter().any(|drive| drive.id == inner.id().to_string()),
        "{drives:?}"
    );
    assert_eq!(alarm(&device).await, None);

    // At a place where another share lies already, at the top of the share, and at a place that is none: she could let what others write
    // there go into a drive of her own.
    for node in [first, NodeId::ROOT, NodeId([9; 16])] {
        let covering = share_inside(&mut circle, "covering", node).await;
        device.sync().await.unwrap();
        let drives = device.drives().await;
        assert!(
            drives.iter().all(|drive| drive.id != covering.id().to_string()),
            "{node:?}: it waits: {drives:?}"
        );
        assert_eq!(device.invites().await.len(), 1, "{node:?}");
        device.decline("covering").await.unwrap();
    }
    device.close().await;
    circle.site.assert_sound();
}

/// A drive of Alice's with Bob, with its place in photos.
async fn share_inside(circle: &mut Circle, name: &str, node: NodeId) -> Reading {
    let mut inner = circle.alice.create_share().await;
    circle
        .alice
        .admit(&mut inner, &[(circle.bobs, Role::Writer)])
        .await;
    let mut invite = circle.alice.invite(&inner, &circle.bobs, name);
    invite.inside = Some(Inside {
        journal: circle.photos,
        node,
    });
    circle.alice.send(&circle.bobs, Purpose::Invite(invite)).await;
    inner
}
