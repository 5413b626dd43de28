//! Two people who are shown different pasts, and one for whom time stands still (attacks 34, 35).

use crannog_agent_api::request::Role;
use crannog_proto::api::{Page, Stored};
use crannog_proto::chain;
use crannog_testkit::{Branch, Route, ServerKeys, Told};

use crate::seen::{alarm, assert_lie, audits, picture};
use crate::share::Share;

/// CHK-013 and CHK-014 (attack 34): Bob is kept on a branch of his own. It is found with the first thing of Alice's that reaches him: a
/// note, by the heads in it, or an entry, by what it has seen. The heads convict the server before strangers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_013_and_014_two_pasts_meet() {
    let mut share = Share::new().await;
    share.read_on().await;
    let (from, photos) = (share.read.last(), share.photos);
    let before = share.bob.rest().await;
    let led = Branch::begin(&share.to_bob, &share.site.data, photos, from);
    let bob = before.wake_copy().await;
    for at in 0..4 {
        bob.put(&format!("photos:/bob {at}"), b"on a branch")
            .await
            .unwrap();
        share
            .alice
            .put(&format!("photos:/alice {at}"), b"on another")
            .await
            .unwrap();
    }
    assert_eq!(alarm(&bob).await, None, "so far nobody can know");
    let seen = picture(&bob).await;
    let apart = bob.rest().await;
    share.mallory.read_on(&mut share.read).await;

    // An entry of hers, in its place on his branch.
    let last = share.read.stored.last().unwrap().entry.clone();
    let (seq, head) = led.tip();
    let placed = Stored {
        seq: seq + 1,
        head: chain::next_head(&head, seq + 1, &last.header),
        entry: last,
        body_gone: false,
    };
    let receipt = ServerKeys::of(&share.site.data).receipt(photos, placed.seq, placed.head);
    share.to_bob.swallow(move |ask| {
        let page = Page {
            entries: vec![placed.clone()],
            last: receipt,
        };
        (ask.route() == Route::Entries(photos)).then(|| Told::ok(&page))
    });
    let bob = apart.wake_copy().await;
    let failure = alarm(&bob).await.expect("an entry from another past");
    assert_lie(&failure, "an entry", "CHK-014", "drive photos");
    assert_eq!(picture(&bob).await, seen);
    bob.close().await;

    // A note of hers. The server keeps to the branch.
    Branch::begin(&share.to_bob, &share.site.data, photos, (seq, head));
    share.alice.share("photos:/", "bob", Role::Writer).await.unwrap();
    let bob = apart.wake_copy().await;
    let failure = alarm(&bob).await.expect("a note from another past");
    assert_lie(&failure, "a note", "CHK-013", "drive photos");
    assert_eq!(picture(&bob).await, seen);
    let frozen = bob.put("photos:/more", b"more").await.unwrap_err();
    assert_lie(&frozen, "frozen", "CHK-013", "drive photos");
    let found = audits(&bob).await;
    let [audit] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (audit.convicts.as_str(), audit.check.as_str()),
        ("server", "CHK-013")
    );
    bob.close().await;

    // The honest twin: Bob as he was before he was led away. The note comes once more.
    share.to_bob.repent();
    share.alice.share("photos:/", "bob", Role::Writer).await.unwrap();
    let bob = before.wake_copy().await;
    assert_eq!(alarm(&bob).await, None);
    assert_eq!(bob.list("photos:/").await.unwrap().len(), 5);
    assert_eq!(audits(&bob).await, []);
    bob.close().await;
    share.alice.close().await;
    share.site.assert_sound();
}

/// CHK-012 (attack 35): for Bob time stands still. He cannot know (row 35) until a note names a head beyond what he is shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_012_a_member_for_whom_time_stands_still() {
    let mut share = Share::new().await;
    share.read_on().await;
    let (from, photos) = (share.read.last(), share.photos);
    let keys = ServerKeys::of(&share.site.data);
    share.to_bob.swallow(move |ask| {
        let page = Page {
            entries: Vec::new(),
            last: keys.receipt(photos, from.0, from.1),
        };
        (ask.route() == Route::Entries(photos)).then(|| Told::ok(&page))
    });
    share.alice.put("photos:/new", b"new").await.unwrap();
    let before = picture(&share.bob).await;
    assert_eq!(alarm(&share.bob).await, None);
    share.alice.share("photos:/", "bob", Role::Writer).await.unwrap();
    let failure = alarm(&share.bob).await.expect("a head beyond");
    assert_lie(&failure, "time stands still", "CHK-012", "drive photos");
    assert_eq!(picture(&share.bob).await, before);
    // It comes back as long as the server does not show it: the note is gone, the alarm is not.
    let frozen = share.bob.cat("photos:/first").await.unwrap_err();
    assert_lie(&frozen, "frozen", "CHK-012", "drive photos");
    share.to_bob.repent();
    share.bob.dismiss("photos").await.unwrap();
    assert_eq!(alarm(&share.bob).await, None);
    assert_eq!(share.bob.cat("photos:/new").await.unwrap(), b"new");
    share.end().await;
}

/// CHK-012 and CHK-013 (attacks 15, 34): what the inviter signed of the journal is what the invited is shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_012_an_invite_to_less_than_was_signed() {
    let mut share = Share::new().await;
    share.alice.create_drive("second").await.unwrap();
    share.alice.put("second:/first", b"1").await.unwrap();
    share.alice.share("second:/", "bob", Role::Reader).await.unwrap();
    share
        .alice
        .share("second:/", "mallory", Role::Reader)
        .await
        .unwrap();
    share.bob.sync().await.unwrap();
    let second = share.mallory.accept().await;
    let asleep = share.bob.rest().await;
    let id = second.id();
    // Up to before the rekey that took Bob in; what an honest server would show to his token is more.
    let upto = second.stored.len() - 3;
    let cut: Vec<Stored> = second.stored[..upto].to_vec();
    let keys = ServerKeys::of(&share.site.data);
    let end = cut.last().unwrap().clone();
    share.to_bob.swallow(move |ask| {
        if ask.route() != Route::Entries(id) {
            return None;
        }
        let after = crate::share::after(&ask.path);
        let entries = cut
            .iter()
            .filter(|stored| after.is_none_or(|after| stored.seq > after));
        Some(Told::ok(&Page {
            entries: entries.cloned().collect(),
            last: keys.receipt(id, end.seq, end.head),
        }))
    });
    let bob = asleep.wake_copy().await;
    let failure = bob.accept("second", None).await.unwrap_err();
    assert_eq!(
        failure.code,
        crannog_agent_api::Code::VerificationFailed,
        "{failure:?}"
    );
    assert!(
        failure.object.as_deref().unwrap_or_default().contains("second"),
        "{failure:?}"
    );
    let alarmed = alarm(&bob).await.expect("less than was signed");
    assert_eq!(alarmed.check, failure.check);
    assert_eq!(bob.cat("photos:/first").await.unwrap(), b"the first");
    bob.close().await;
    share.to_bob.repent();
    // Accepted is accepted, on all of his devices; one that was never lied to reads it.
    let bob = asleep.wake_copy().await;
    bob.sync().await.unwrap();
    assert_eq!(bob.cat("second:/first").await.unwrap(), b"1");
    bob.close().await;
    share.alice.close().await;
    share.site.assert_sound();
}
