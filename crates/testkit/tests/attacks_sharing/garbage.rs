//! What a server, or anyone, puts into an inbox that is nothing (attacks 26, 31, 66).

use crannog_agent_api::answer::NewsKind;
use crannog_core::inbox::{Note, Purpose};
use crannog_core::journal::Role;
use crannog_proto::api::Drop;
use crannog_proto::sign::{Signature, VerifyingKey};
use crannog_proto::{Hash, Receipt};
use crannog_testkit::{Exchange, Route, Told};
use rand::Rng;

use crate::seen::{alarm, entry_of, nobody, picture, refusals};
use crate::share::{Share, inject, insider, tell_inbox};

/// CHK-031 (attack 31): garbage of all three sizes, a note of nobody, notes that say who they are not from. Nothing stops; each is told,
/// and the honest invite among them arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_031_garbage_stops_nothing() {
    let share = Share::new().await;
    let mut eve = insider(&share.site, "eve").await;
    let bob = eve.meet("bob").await;
    let alice = eve.meet("alice").await;
    let before = picture(&share.bob).await;
    let mut watch = share.bob.watch().await;
    for size in [4_096, 16_384, 65_536] {
        let mut noise = vec![0; size];
        rand::rng().fill_bytes(&mut noise);
        eve.transport.inbox_put(&bob, &noise).await.unwrap();
        eve.transport.inbox_put(&bob, &vec![0; size]).await.unwrap();
    }
    let mut loot = eve.create_share().await;
    eve.admit(&mut loot, &[(bob, Role::Writer)]).await;
    let invite = eve.invite(&loot, &bob, "loot");
    let honest = eve.note(&bob, Purpose::Invite(invite));
    let ghost = nobody("casper");
    type Bend<'a> = Box<dyn Fn(&mut Note) + 'a>;
    let bends: Vec<(&str, Bend<'_>)> = vec![
        (
            "nobody whom the directory knows",
            Box::new(|note| {
                note.sender.account = ghost.state().account;
                note.chain = ghost.state().cite();
                note.sender_root = ghost.state().root;
            }),
        ),
        (
            "another root",
            Box::new(|note| note.sender_root = VerifyingKey([7; 32])),
        ),
        ("another person", Box::new(|note| note.sender.account = alice)),
        (
            "another person with her chain",
            Box::new(|note| {
                note.sender.account = alice;
                note.chain = eve.chain(&alice).unwrap().cite();
                note.sender_root = eve.chain(&alice).unwrap().root;
            }),
        ),
        (
            "another device",
            Box::new(|note| note.sender.device = crannog_proto::DeviceId([7; 16])),
        ),
        (
            "a link that is none",
            Box::new(|note| note.chain.head = Hash([7; 32])),
        ),
        ("a link to come", Box::new(|note| note.chain.seq = 9)),
        ("another recipient", Box::new(|note| note.recipient = alice)),
        (
            "another root of the recipient",
            Box::new(|note| note.recipient_root = VerifyingKey([7; 32])),
        ),
        ("another version", Box::new(|note| note.version = 2)),
        (
            "from the future",
            Box::new(|note| {
                note.time += 3 * 24 * 3600 * 1000;
                note.expires = note.time + 1;
            }),
        ),
        (
            "over",
            Box::new(|note| {
                note.time -= 1_000_000;
                note.expires = note.time + 1;
            }),
        ),
        ("for ever", Box::new(|note| note.expires = i64::MAX)),
    ];
    for (_, bend) in &bends {
        let mut note = honest.clone();
        note.id = rand::random();
        bend(&mut note);
        // Addressed to Bob, whatever it says.
        let sealed = eve.seal_signed(&eve.sign(&note), &bob);
        eve.transport.inbox_put(&bob, &sealed).await.unwrap();
    }
    eve.drop_note(&honest).await;
    share.bob.sync().await.unwrap();
    assert_eq!(share.bob.status().await.alarms, []);
    let invites = share.bob.invites().await;
    assert_eq!(invites.len(), 1, "{invites:?}");
    assert_eq!(invites[0].from.name, "eve");
    let refused = refusals(&share.bob).await;
    assert_eq!(refused.len(), 6 + bends.len(), "{refused:?}");
    let told = |check: &str| refused.iter().filter(|text| text.contains(check)).count();
    assert_eq!((told("CHK-031"), told("CHK-010")), (6 + bends.len() - 1, 1));
    for _ in &refused {
        let news = watch.next().await;
        assert_eq!(news.kind, NewsKind::Refused, "{news:?}");
        assert!(news.check.is_some());
    }
    watch.end().await.unwrap();
    share.bob.decline("loot").await.unwrap();
    assert_eq!(picture(&share.bob).await, before, "Eve is no contact");
    share.end().await;
}

/// CHK-031 (attack 31): the server makes a whole person, and invites by her. That is a stranger like any other: she waits, unverified.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_031_a_person_of_the_server_s_making() {
    let share = Share::new().await;
    let (eve, bob, loot) = share.eve_with_loot().await;
    let invite = eve.invite(&loot, &bob, "loot");
    eve.send(&bob, Purpose::Invite(invite)).await;
    share.bob.sync().await.unwrap();
    let invites = share.bob.invites().await;
    assert_eq!(invites.len(), 1);
    assert!(!invites[0].from.verified);
    let drives = share.bob.drives().await;
    assert!(drives.iter().all(|drive| drive.name != "loot"));
    share.end().await;
}

/// CHK-031 (attacks 3, 26): whichever byte of a drop is bent, it is refused in one and the same way, and nothing on the wire tells where.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_031_one_error_for_every_byte() {
    let share = Share::new().await;
    let (eve, bob, loot) = share.eve_with_loot().await;
    let invite = eve.invite(&loot, &bob, "loot");
    let note = eve.note(&bob, Purpose::Invite(invite));
    let sealed = eve.seal(&note);
    let mut traces = Vec::new();
    // The encapsulated key (both halves), the signed bytes, the padding, the tag.
    for at in [
        0, 1, 31, 32, 600, 1_087, 1_088, 1_119, 1_120, 1_500, 2_000, 4_000, 4_079, 4_080, 4_095,
    ] {
        let mut bent = sealed.clone();
        bent[at] ^= 0x40;
        inject(&share.to_bob, bent);
        share.to_bob.heard();
        share.bob.sync().await.unwrap();
        let heard = share.to_bob.heard();
        let from = heard
            .iter()
            .position(|exchange| exchange.ask.route() == Route::Inbox);
        let shape = |exchange: &Exchange| {
            let path = exchange.ask.path.rsplit_once('/').unwrap().0.to_owned();
            (exchange.ask.method.clone(), path, exchange.ask.body.len())
        };
        let after: Vec<_> = heard[from.unwrap()..].iter().map(shape).collect();
        traces.push(after);
    }
    share.to_bob.repent();
    assert!(traces.iter().all(|trace| *trace == traces[0]), "{traces:?}");
    let refused = refusals(&share.bob).await;
    assert_eq!(refused.len(), traces.len());
    assert!(
        refused
            .iter()
            .all(|text| *text == refused[0] && text.contains("CHK-031")),
        "{refused:?}"
    );
    eve.transport.inbox_put(&bob, &sealed).await.unwrap();
    share.bob.sync().await.unwrap();
    assert_eq!(share.bob.invites().await.len(), 1, "the honest twin");
    share.end().await;
}

/// CHK-019 (attacks 28, 34): heads in a note that the server never signed say nothing, and stop nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_019_heads_that_nobody_signed() {
    let mut share = Share::new().await;
    let alice = share.mallory.meet("alice").await;
    let own = share.mallory.create_share().await.last().1;
    let refresh = Purpose::Refresh {
        journal: share.photos,
    };
    for (seq, signature) in [(1, [7; 64]), (1_000_000, [7; 64]), (u64::MAX, [0; 64])] {
        let mut note = share.mallory.note(&alice, refresh.clone());
        note.heads = vec![Receipt {
            journal: share.photos,
            seq,
            head: own,
            signature: Signature(signature),
        }];
        share.mallory.drop_note(&note).await;
    }
    assert_eq!(alarm(&share.alice).await, None);
    let refused = refusals(&share.alice).await;
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|text| text.contains("CHK-019")), "{refused:?}");
    // One that the server did sign.
    let mut note = share.mallory.note(&alice, refresh);
    let (seq, head) = share.read.last();
    note.heads = vec![share.keys().receipt(share.photos, seq, head)];
    share.mallory.drop_note(&note).await;
    assert_eq!(alarm(&share.alice).await, None);
    assert_eq!(refusals(&share.alice).await.len(), 3);
    share.end().await;
}

/// CHK-006 and CHK-031 (attacks 6, 31): a note by somebody whose sigchain the server makes up while it is checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_006_a_sender_with_a_made_up_sigchain() {
    let mut share = Share::new().await;
    let bob = share.mallory.meet("bob").await;
    let mut loot = share.mallory.create_share().await;
    share.mallory.admit(&mut loot, &[(bob, Role::Writer)]).await;
    let before = picture(&share.bob).await;
    let account = share.mallory.account;
    let mut bent = entry_of(&share.mallory.known);
    bent.links[0].signatures[0].0[3] ^= 1;
    let mut other_name = entry_of(&share.mallory.known);
    other_name.name = "alice".to_owned();
    for entry in [bent, other_name, entry_of(&nobody("mallory"))] {
        let invite = share.mallory.invite(&loot, &bob, "loot");
        let note = share.mallory.note(&bob, Purpose::Invite(invite));
        let sealed = share.mallory.seal(&note);
        share
            .to_bob
            .swallow(move |ask| (ask.route() == Route::DirectoryOf(account)).then(|| Told::ok(&entry)));
        let mut drops = vec![Drop {
            id: rand::random(),
            sealed,
        }];
        tell_inbox(&share.to_bob, move |real| real.append(&mut drops));
        let failure = share.bob.sync().await;
        assert_eq!(share.bob.invites().await, [], "nothing is taken");
        if let Err(failure) = failure {
            assert!(failure.check.is_some(), "{failure:?}");
        }
        share.to_bob.repent();
        assert_eq!(picture(&share.bob).await, before);
        assert_eq!(share.bob.status().await.alarms, []);
    }
    share.bob.sync().await.unwrap();
    share.end().await;
}
