//! Inboxes in the server's hands: drops withheld, repeated, in another order, without end; rings likewise (attacks 15, 31, 32, 66).

use std::time::Duration;

use crannog_agent_api::request::Role;
use crannog_core::inbox::Purpose;
use crannog_core::journal;
use crannog_proto::api::{Drop, Rung};
use crannog_testkit::{Route, Said};
use tokio::time::timeout;

use crate::seen::{alarm, picture, refusals};
use crate::share::{Share, insider, tell_inbox};

/// Longer than any honest inbox takes to be emptied.
const PATIENCE: Duration = Duration::from_secs(120);

/// CHK-031 (attacks 15, 32): what is withheld comes later, what comes twice is taken once, what comes in another order is understood.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drops_withheld_repeated_and_reordered() {
    let share = Share::new().await;
    for name in ["one", "two", "three"] {
        share.alice.create_drive(name).await.unwrap();
        share
            .alice
            .share(&format!("{name}:/"), "bob", Role::Reader)
            .await
            .unwrap();
    }
    let before = picture(&share.bob).await;
    tell_inbox(&share.to_bob, Vec::clear);
    share.bob.sync().await.unwrap();
    assert_eq!(picture(&share.bob).await, before, "withheld");
    tell_inbox(&share.to_bob, |drops| {
        drops.reverse();
        drops.extend(drops.clone());
        let twice: Vec<Drop> = drops
            .iter()
            .map(|drop| Drop {
                id: rand::random(),
                ..drop.clone()
            })
            .collect();
        drops.extend(twice);
    });
    share.bob.sync().await.unwrap();
    share.to_bob.repent();
    let names = |invites: Vec<crannog_agent_api::answer::InviteInfo>| {
        let mut names: Vec<String> = invites.into_iter().map(|invite| invite.name).collect();
        names.sort();
        names
    };
    assert_eq!(names(share.bob.invites().await), ["one", "three", "two"]);
    for name in ["one", "two", "three"] {
        share.bob.accept(name, None).await.unwrap();
    }
    assert_eq!(share.bob.drives().await.len(), 5);
    assert_eq!(alarm(&share.bob).await, None);
    share.end().await;
}

/// Attack 66: an inbox that never becomes empty, whatever is taken out. Emptying it ends all the same, and home does not grow by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_66_an_inbox_without_end() {
    let share = Share::new().await;
    share.alice.create_drive("second").await.unwrap();
    share.alice.share("second:/", "bob", Role::Reader).await.unwrap();
    // The invite again and again, and noise.
    for names in ["the same", "ever new"] {
        let mut invite = None;
        tell_inbox(&share.to_bob, move |drops| {
            if let Some(first) = drops.first() {
                invite.get_or_insert(first.clone());
            }
            let noise = Drop {
                id: [5; 16],
                sealed: vec![5; 4_096],
            };
            *drops = invite.iter().cloned().chain([noise]).collect();
            if names == "ever new" {
                drops.iter_mut().for_each(|drop| drop.id = rand::random());
            }
        });
        share.to_bob.heard();
        let emptied = timeout(PATIENCE, share.bob.sync()).await;
        let heard = share.to_bob.heard();
        let appends = heard
            .iter()
            .filter(|exchange| matches!(exchange.ask.route(), Route::Append(_)));
        let appends = appends.count();
        assert!(emptied.is_ok(), "{names}: the inbox was asked for ever");
        assert!(appends <= 4, "{names}: {appends} entries in home for one invite");
        share.to_bob.repent();
    }
    assert_eq!(share.bob.invites().await.len(), 1);
    share.bob.accept("second", None).await.unwrap();
    share.bob.sync().await.unwrap();
    share.end().await;
}

/// Attack 32: rings for the inbox that are kept back, repeated, or for nothing. What lies there is found with the next question.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rings_for_the_inbox() {
    let share = Share::new().await;
    share.to_bob.pass_bell();
    let mut bell = share.to_bob.held().await;
    bell.answers().await;
    share.alice.create_drive("second").await.unwrap();
    share.to_bob.toll(|rung| match rung.heard {
        Rung::Inbox => Vec::new(),
        Rung::Journal(_) => vec![rung.said()],
    });
    share.alice.share("second:/", "bob", Role::Reader).await.unwrap();
    bell.rung_for_inbox().await;
    bell.answers().await;
    assert_eq!(share.bob.status().await.invites, 0, "nobody told her");
    for _ in 0..20 {
        bell.say(Said::inbox());
    }
    bell.answers().await;
    share.bob.sync().await.unwrap();
    assert_eq!(share.bob.invites().await.len(), 1);
    assert_eq!(share.bob.status().await.alarms, []);
    // The honest twin is told at once.
    share.to_bob.repent();
    let mut watch = share.bob.watch().await;
    share.alice.create_drive("third").await.unwrap();
    share.alice.share("third:/", "bob", Role::Reader).await.unwrap();
    watch
        .until(crannog_agent_api::answer::NewsKind::Invite, "third")
        .await;
    watch.end().await.unwrap();
    share.end().await;
}

/// Attacks 31, 40: a member freezes a share by what she writes, and then sends notes about it. What others send is taken all the same, and her
/// wish to leave is not lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_about_a_frozen_share_stop_nothing() {
    let mut share = Share::new().await;
    let mut eve = insider(&share.site, "eve").await;
    let alice = eve.meet("alice").await;
    share.mallory.meet("alice").await;
    let ground = share.mallory.ground(&share.read);
    let bad = share
        .mallory
        .seal_on(&ground, journal::Content::Reset, Vec::new());
    share.mallory.append(&share.photos, &bad).await;
    let epoch = share.read.state.epoch().unwrap();
    for purpose in [
        Purpose::Refresh {
            journal: share.photos,
        },
        Purpose::Leave {
            journal: share.photos,
            epoch,
        },
    ] {
        share.mallory.send(&alice, purpose).await;
    }
    let mut loot = eve.create_share().await;
    eve.admit(&mut loot, &[(alice, journal::Role::Writer)]).await;
    let invite = eve.invite(&loot, &alice, "loot");
    eve.send(&alice, Purpose::Invite(invite)).await;
    let failure = alarm(&share.alice).await.expect("a bad change");
    crate::seen::assert_lie(&failure, "frozen", "CHK-017", "drive photos");
    assert_eq!(
        share.alice.invites().await.len(),
        1,
        "an invite of someone else's"
    );
    assert_eq!(refusals(&share.alice).await, [""; 0]);
    // She reads on, and Mallory is gone.
    share.alice.dismiss("photos").await.unwrap();
    share.alice.sync().await.unwrap();
    share.alice.put("photos:/after", b"after").await.unwrap();
    let members = share.alice.members("photos:/").await.unwrap();
    assert!(
        members.iter().all(|member| member.name != "mallory"),
        "{members:?}"
    );
    share.end().await;
}
