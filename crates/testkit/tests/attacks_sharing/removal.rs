//! Removal that a server does not want to happen (attacks 8, 14, 36, 61).

use crannog_agent_api::Code;
use crannog_agent_api::answer::NewsKind;
use crannog_core::drive::DriveBatch;
use crannog_core::journal::{Content, Payload, ReadError};
use crannog_proto::api::{Append, AppendResult, Appended, DirectoryEntry, Page};
use crannog_proto::{Header, JournalId, Kind, chain, decode};
use crannog_testkit::{DEVICE_NAME, Liar, NOW, Route, ServerKeys, Told, seal_payload};

use crate::seen::{alarm, assert_lie, folder, kinds, picture, sent};
use crate::share::{Share, show};

/// The server answers every rekey of a journal itself.
fn answer_rekeys(
    liar: &Liar,
    journal: JournalId,
    mut answer: impl FnMut(&crannog_proto::Entry) -> AppendResult + Send + 'static,
) {
    liar.swallow(move |ask| {
        if ask.route() != Route::Append(journal) {
            return None;
        }
        let append: Append = decode(&ask.body).unwrap();
        let header: Header = decode(&append.entries[0].header).unwrap();
        let rekey = matches!(header.kind, Kind::Rekey { .. });
        rekey.then(|| {
            let results = vec![answer(&append.entries[0])];
            Told::ok(&Appended { results })
        })
    });
}

fn refused(code: &str) -> AppendResult {
    let code = code.to_owned();
    AppendResult::Refused { code }
}

/// CHK-032 (attacks 8, 36): the server takes no rekey that removes Bob, says that others came first, and shows none. Nothing is sealed in
/// the epoch that he reads, not after a restart either; and once the server gives in, the rekey comes before everything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_032_a_rekey_that_is_refused_for_nothing() {
    for code in ["stale_epoch", "stale_seen"] {
        let Share {
            alice,
            bob,
            to_alice,
            photos,
            site,
            to_bob: _to_bob,
            ..
        } = Share::new().await;
        answer_rekeys(&to_alice, photos, move |_| refused(code));
        let failure = alice.unshare("photos:/", &["bob"]).await.unwrap_err();
        assert_lie(&failure, code, "CHK-032", "drive photos");
        let frozen = alice.put("photos:/secret", b"not for bob").await.unwrap_err();
        assert_lie(&frozen, code, "CHK-032", "drive photos");
        assert_eq!(kinds(&to_alice, photos), "R", "{code}");
        alice.put("/own", b"what is hers alone goes on").await.unwrap();
        let asleep = alice.rest().await;
        let alice = asleep.wake_copy().await;
        let failure = alarm(&alice).await.expect("it stands until somebody looked");
        assert_lie(&failure, code, "CHK-032", "drive photos");
        assert_eq!(kinds(&to_alice, photos), "", "{code}: nothing goes out meanwhile");

        // Whoever looks and goes on with the same server gets no further.
        alice.dismiss("photos").await.unwrap();
        let members = alice.members("photos:/").await.unwrap();
        let bobs = members.iter().find(|member| member.name == "bob").unwrap();
        assert!(bobs.leaving, "{code}: it stays decided");
        let again = alice.put("photos:/secret", b"not for bob").await.unwrap_err();
        assert_lie(&again, code, "CHK-032", "drive photos");
        assert_eq!(kinds(&to_alice, photos), "R", "{code}");

        to_alice.repent();
        alice.dismiss("photos").await.unwrap();
        alice.put("photos:/secret", b"not for bob").await.unwrap();
        assert_eq!(kinds(&to_alice, photos), "RC", "the rekey comes first");
        assert_eq!(alice.members("photos:/").await.unwrap().len(), 2);
        bob.sync().await.unwrap();
        bob.cat("photos:/secret").await.unwrap_err();
        alice.close().await;
        bob.close().await;
        site.assert_sound();
    }
}

/// Attack 36: rekeys that get lost. As long as none was acknowledged nothing new is sealed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_032_a_rekey_that_gets_lost() {
    let share = Share::new().await;
    let (alice, photos) = (&share.alice, share.photos);
    for code in [
        "unavailable",
        "internal",
        "storage_full",
        "forbidden",
        "no such code",
    ] {
        answer_rekeys(&share.to_alice, photos, move |_| refused(code));
        alice.unshare("photos:/", &["bob"]).await.unwrap_err();
        alice.put("photos:/secret", b"not for bob").await.unwrap_err();
        alice.mkdir("photos:/folder").await.unwrap_err();
        let kinds = kinds(&share.to_alice, photos);
        assert!(
            !kinds.is_empty() && kinds.chars().all(|kind| kind == 'R'),
            "{code}: {kinds}"
        );
    }
    share.to_alice.repent();
    alice.put("photos:/secret", b"not for bob").await.unwrap();
    assert_eq!(kinds(&share.to_alice, photos), "RC");
    assert_eq!(alice.members("photos:/").await.unwrap().len(), 2);
    share.end().await;
}

/// CHK-012 (attacks 33, 36): the server acknowledges the rekey and forgets it. What follows is sealed with the new keys alone, and the
/// server, which has nowhere to put it, is found out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_012_a_rekey_that_is_acknowledged_and_forgotten() {
    let mut share = Share::new().await;
    share.read_on().await;
    let (alice, photos) = (&share.alice, share.photos);
    let epoch = share.read.state.epoch().unwrap();
    let (keys, last) = (share.keys(), share.read.last());
    answer_rekeys(&share.to_alice, photos, move |entry| {
        let head = chain::next_head(&last.1, last.0 + 1, &entry.header);
        AppendResult::Done(keys.receipt(photos, last.0 + 1, head))
    });
    alice.unshare("photos:/", &["bob"]).await.unwrap();
    share.to_alice.repent();
    share.to_alice.heard();
    let failure = alice.put("photos:/secret", b"not for bob").await.unwrap_err();
    assert_lie(&failure, "forgotten", "CHK-012", "drive photos");
    let sent = sent(&share.to_alice.heard(), photos);
    assert!(sent.iter().all(|header| header.epoch == epoch + 1), "{sent:?}");
    share.alice.close().await;
    share.bob.close().await;
}

/// CHK-032 (attack 36): Mallory has a newer generation; nothing is sealed for the one that a thief may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_032_a_newer_generation_comes_first() {
    let mut share = Share::new().await;
    let (first, _) = share.mallory.second_device().await;
    share.mallory.revoke(first).await;
    let hidden = share.mallory.known.links()[..1].to_vec();
    let account = share.mallory.account;
    share.to_alice.tell(move |ask, told| {
        if ask.route() == Route::DirectoryOf(account) {
            told.edit(|entry: &mut DirectoryEntry| entry.links.clone_from(&hidden));
        }
    });
    // As long as the server keeps it for itself, nobody can know (row 35).
    share.alice.put("photos:/hidden", b"1").await.unwrap();
    share.to_alice.repent();
    share.to_alice.heard();
    share.alice.sync().await.unwrap();
    share.alice.put("photos:/seen", b"2").await.unwrap();
    assert_eq!(kinds(&share.to_alice, share.photos), "RC");
    // From now on the server cannot hide it from her (CHK-007).
    let hidden = share.mallory.known.links()[..1].to_vec();
    share.to_alice.tell(move |ask, told| {
        if ask.route() == Route::DirectoryOf(account) {
            told.edit(|entry: &mut DirectoryEntry| entry.links.clone_from(&hidden));
        }
    });
    let failure = share
        .alice
        .share("photos:/", "mallory", crannog_agent_api::request::Role::Writer)
        .await;
    share.to_alice.repent();
    assert_lie(&failure.unwrap_err(), "rolled back", "CHK-007", "mallory");
    share.read_on().await;
    assert_eq!(share.read.state.members().len(), 3);
    share.end().await;
}

/// CHK-007 (attacks 14, 35): Mallory's new device writes and cites its link; the server keeps the link for itself. The entry is not read,
/// and Alice is told who is kept from her.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_007_a_withheld_link() {
    let mut share = Share::new().await;
    let hidden = share.mallory.known.links().to_vec();
    share.mallory.second_device().await;
    let payload = Payload {
        time: NOW,
        device_name: DEVICE_NAME.to_owned(),
        cites: vec![share.mallory.known.state().cite()],
        content: Content::Drive(DriveBatch {
            ops: vec![folder("by the new device")],
            filler: Vec::new(),
        }),
    };
    let sealed = seal_payload(&share.mallory.ground(&share.read), &payload, Vec::new());
    share.mallory.append(&share.photos, &sealed).await;
    let account = share.mallory.account;
    share.to_alice.tell(move |ask, told| {
        if ask.route() == Route::DirectoryOf(account) {
            told.edit(|entry: &mut DirectoryEntry| entry.links.clone_from(&hidden));
        }
    });
    let before = picture(&share.alice).await;
    let alarmed = alarm(&share.alice).await;
    assert_eq!(picture(&share.alice).await, before);
    share.to_alice.repent();
    let failure = alarmed.expect("a withheld link that nobody was told of");
    assert_lie(&failure, "a withheld link", "CHK-007", "photos");
    share.alice.dismiss("photos").await.unwrap();
    share.alice.sync().await.unwrap();
    let listed = share.alice.list("photos:/").await.unwrap();
    assert!(listed.iter().any(|node| node.path == "by the new device"));
    share.end().await;
}

/// CHK-016 (attacks 31, 36, 61): the old keys of somebody who was removed write nothing any more, whatever the server shows; and what the
/// server gives her she does not open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_016_the_keys_of_someone_removed() {
    let mut share = Share::new().await;
    let old = share.mallory.ground(&share.read);
    let flood: Vec<_> = (0..5)
        .map(|at| {
            let batch = DriveBatch {
                ops: vec![folder(&format!("flood {at}"))],
                filler: Vec::new(),
            };
            let content = Content::Drive(batch);
            share.mallory.seal_on(&old, content, Vec::new()).entry
        })
        .collect();
    let token = share.mallory.token(&share.read);
    share.alice.unshare("photos:/", &["mallory"]).await.unwrap();
    share.bob.sync().await.unwrap();
    let tried = share.mallory.try_append(&share.photos, &flood[0]).await;
    assert!(matches!(tried, AppendResult::Refused { code } if code == "stale_epoch"));
    share.read_on().await;
    assert!(share.read.state.is_removed());
    let from = share.read.last();

    let asleep = share.bob.rest().await;
    let bob = asleep.wake_copy().await;
    bob.sync().await.unwrap();
    let before = picture(&bob).await;
    bob.close().await;
    let keys = ServerKeys::of(&share.site.data);
    show(&share.to_bob, &keys, share.photos, from, flood);
    let bob = asleep.wake_copy().await;
    let failure = alarm(&bob).await.expect("a flood");
    assert_lie(&failure, "a removed member's flood", "CHK-016", "drive photos");
    assert_eq!(picture(&bob).await, before);
    bob.close().await;
    share.to_bob.repent();

    // The honest twin reads what is written after her, and she does not, though the server gives her everything.
    share.to_bob.heard();
    share
        .alice
        .put("photos:/secret", b"not for mallory")
        .await
        .unwrap();
    let bob = asleep.wake_copy().await;
    bob.sync().await.unwrap();
    assert_eq!(bob.cat("photos:/secret").await.unwrap(), b"not for mallory");
    let heard = share.to_bob.heard();
    let pages = heard
        .iter()
        .filter(|exchange| exchange.ask.route() == Route::Entries(share.photos));
    let new: Vec<_> = pages
        .flat_map(|exchange| exchange.told.decode::<Page>().entries)
        .filter(|stored| stored.seq > from.0)
        .collect();
    assert!(!new.is_empty());
    for stored in &new {
        let opened = share.mallory.try_open(&share.read, stored, None);
        assert_eq!(opened.err(), Some(ReadError::NotMember));
        let header: Header = decode(&stored.entry.header).unwrap();
        for epoch in 0..=share.read.state.epoch().unwrap() {
            let key = share.read.state.secrets(epoch).unwrap().body_key();
            assert!(key.open(&header.associated_data(), &stored.entry.body).is_err());
        }
        // An honest server does not even show them.
        let shown = share.mallory.raw(&share.photos, &token).await;
        assert!(shown.iter().all(|shown| shown.seq != stored.seq));
    }
    bob.close().await;
    share.alice.close().await;
    share.site.assert_sound();
}

/// Attacks 36, 61: the server keeps Bob's token alive after he was removed, and shows him all that follows. He learns that he was removed
/// and opens nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_61_a_token_that_outlives_its_epoch() {
    let mut share = Share::new().await;
    share.read_on().await;
    let from = share.read.last();
    share.alice.unshare("photos:/", &["bob"]).await.unwrap();
    share.alice.put("photos:/secret", b"not for bob").await.unwrap();
    share.read_on().await;
    let stored = share.read.stored.iter().filter(|stored| stored.seq > from.0);
    let entries = stored.map(|stored| stored.entry.clone()).collect();
    show(&share.to_bob, &share.keys(), share.photos, from, entries);
    let mut watch = share.bob.watch().await;
    share.bob.sync().await.unwrap();
    let drives = share.bob.drives().await;
    let photos = drives.iter().find(|drive| drive.name == "photos").unwrap();
    assert_eq!((photos.role, photos.files), (None, 1), "{photos:?}");
    watch.until(NewsKind::Removed, "no longer a member").await;
    share.bob.cat("photos:/secret").await.unwrap_err();
    let refused = share.bob.put("photos:/more", b"more").await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict, "{refused:?}");
    watch.end().await.unwrap();
    share.to_bob.repent();
    share.end().await;
}
