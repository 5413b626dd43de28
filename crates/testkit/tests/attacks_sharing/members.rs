//! Changes by those who may not make them, and pieces of others' changes put together anew (attacks 16, 23, 29, 31, 37).

use crannog_agent_api::Code;
use crannog_core::drive::DriveBatch;
use crannog_core::journal::{Content, Ground};
use crannog_proto::api::AppendResult;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{BlobId, Entry, Hash, Header, Kind, Signer, decode, encode, labels};
use crannog_seal::schedule::{DeviceKeys, DeviceSeed};
use crannog_testkit::{Insider, Reading, Route, random_entry};

use crate::circle::Circle;
use crate::seen::{alarm, assert_lie, audits, folder, picture};

fn planted() -> Content {
    Content::Drive(DriveBatch {
        ops: vec![folder("planted")],
        filler: Vec::new(),
    })
}

fn resign(ground: &Ground<'_>, header: &Header, body: Vec<u8>) -> Entry {
    let header = encode(header);
    let key = ground.secrets.write_key().unwrap();
    Entry {
        signature: Signature(key.sign(&message(labels::ENTRY, &header))),
        header,
        body,
    }
}

/// Takes what somebody signed out of her entry, and seals it under another header.
fn lifted(
    insider: &Insider,
    read: &Reading,
    entry: &Entry,
    from: &Reading,
    bend: impl FnOnce(&mut Header),
) -> Entry {
    let mut header: Header = decode(&entry.header).unwrap();
    let ground = insider.ground(from);
    let plain = ground
        .secrets
        .body_key()
        .open(&header.associated_data(), &entry.body)
        .unwrap();
    let ground = insider.ground(read);
    header.epoch = ground.secrets.epoch();
    bend(&mut header);
    let body = ground
        .secrets
        .body_key()
        .seal(&header.associated_data(), &plain, &mut rand::rng());
    header.body.hash = Hash::plain(&body);
    header.body.len = u32::try_from(body.len()).unwrap();
    resign(&ground, &header, body)
}

/// CHK-016 and CHK-017 (attack 37): a reader writes neither with the server's help nor with a key that leaked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_017_a_reader_writes_nothing() {
    let circle = Circle::new().await;
    let (alice, carol) = (&circle.alice, &circle.carol);
    assert!(carol.ground(&circle.by_carol).secrets.write_key().is_none());
    let mut ground = alice.ground(&circle.by_alice);
    ground.author = carol.author();
    ground.device_key = &carol.keys.signing;
    let leaked = carol.seal_on(&ground, planted(), Vec::new()).entry;
    let own_key = DeviceKeys::new(&DeviceSeed::generate(&mut rand::rng()), &[1; 16]).signing;
    let foreign = Entry {
        signature: Signature(own_key.sign(&message(labels::ENTRY, &leaked.header))),
        ..leaked.clone()
    };
    circle
        .assert_refused("a reader with the server's help", "CHK-016", vec![foreign])
        .await;
    let mut none = leaked.clone();
    none.signature = Signature([0; 64]);
    circle
        .assert_refused("no signature at all", "CHK-016", vec![none])
        .await;
    circle
        .assert_refused("a reader with a leaked W", "CHK-017", vec![leaked.clone()])
        .await;
    let refresh = carol.rekey_on(&circle.by_carol.state, &ground, Signer::Writer, |_| {});
    circle
        .assert_refused(
            "a reader who refreshes with a leaked W",
            "CHK-017",
            vec![refresh.sealed.entry],
        )
        .await;
    let honest = circle
        .mallory
        .seal_ops(&circle.by_mallory, vec![folder("planted")], Vec::new());
    circle
        .assert_taken("a writer", vec![honest.entry], Some("planted"))
        .await;
}

/// CHK-017 and CHK-002 (attacks 23, 29): an admin, who holds all keys of the drive, puts what Mallory signed elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_017_a_signature_lifted_from_its_place() {
    let mut circle = Circle::new().await;
    let mallorys = circle
        .mallory
        .seal_ops(&circle.by_mallory, vec![folder("planted")], Vec::new());
    // The same two in another drive.
    let mut other = circle.alice.create_share().await;
    let people = [(circle.mallory.account, crannog_core::journal::Role::Writer)];
    circle.alice.admit(&mut other, &people).await;
    let invite = circle.alice.invite(&other, &circle.mallory.account, "other");
    let purpose = crannog_core::inbox::Purpose::Invite(invite);
    circle.alice.send(&circle.mallory.account, purpose).await;
    let as_mallory = circle.mallory.accept().await;
    let elsewhere = circle
        .mallory
        .seal_ops(&as_mallory, vec![folder("planted")], Vec::new());
    let (alice, read) = (&circle.alice, &circle.by_alice);
    let honest: Header = decode(&mallorys.entry.header).unwrap();
    let same = |bend: &dyn Fn(&mut Header)| lifted(alice, read, &mallorys.entry, read, bend);
    let before = &read.stored[read.stored.len() - 2];
    let cases = [
        ("another entry id", same(&|header| header.entry = random_entry())),
        (
            "another place",
            same(&|header| {
                header.seen.seq = before.seq;
                header.seen.head = before.head;
            }),
        ),
        ("more blobs", same(&|header| header.adds = vec![BlobId([5; 32])])),
        (
            "another kind",
            same(&|header| header.kind = Kind::Checkpoint { through: 0 }),
        ),
        (
            "another journal",
            lifted(alice, read, &elsewhere.entry, &other, |header| {
                header.journal = circle.photos;
                header.seen = honest.seen;
            }),
        ),
    ];
    for (what, entry) in cases {
        circle.assert_refused(what, "CHK-017", vec![entry]).await;
    }
    let again = same(&|_| {});
    circle
        .assert_taken("her own words in their place", vec![again], Some("planted"))
        .await;
    circle
        .assert_taken("the genuine one", vec![mallorys.entry], Some("planted"))
        .await;
}

/// CHK-001, CHK-016 and CHK-018 (attacks 16, 23, 37): a reader, who knows every key to read with, and the server exchange a body or a
/// chunk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_018_a_reader_and_the_server_exchange_bytes() {
    let circle = Circle::new().await;
    let genuine = circle
        .mallory
        .seal_ops(&circle.by_mallory, vec![folder("planted")], Vec::new())
        .entry;
    let mut header: Header = decode(&genuine.header).unwrap();
    let (carol, read) = (&circle.carol, &circle.by_carol);
    let key = carol.ground(read).secrets.body_key();
    let mut plain = key.open(&header.associated_data(), &genuine.body).unwrap();
    let at = plain.windows(7).position(|window| window == b"planted").unwrap();
    plain[at..at + 7].copy_from_slice(b"PLANTED");
    let body = key.seal(&header.associated_data(), &plain, &mut rand::rng());
    let exchanged = Entry {
        body: body.clone(),
        ..genuine.clone()
    };
    circle
        .assert_refused("another body", "CHK-018", vec![exchanged])
        .await;
    header.body.hash = Hash::plain(&body);
    let renamed = Entry {
        header: encode(&header),
        body: body.clone(),
        ..genuine.clone()
    };
    circle
        .assert_refused("another body with its hash", "CHK-016", vec![renamed])
        .await;
    // With the write key, which the server does not have either, Mallory's own device stands in the way.
    let signed = resign(&circle.mallory.ground(&circle.by_mallory), &header, body);
    circle
        .assert_refused("another body, signed by a writer", "CHK-017", vec![signed])
        .await;

    let photos = circle.photos;
    circle.liar.tell(move |ask, told| {
        if matches!(ask.route(), Route::Get(id, _) if id == photos) && told.status == 200 {
            let middle = told.body.len() / 2;
            told.body[middle] ^= 1;
        }
    });
    let bob = circle.bob.wake_copy().await;
    let failure = bob.cat("photos:/first").await.unwrap_err();
    assert_lie(&failure, "an exchanged chunk", "CHK-001", "blob ");
    circle.liar.repent();
    assert_eq!(bob.cat("photos:/first").await.unwrap(), b"the first");
    bob.close().await;
    circle
        .assert_taken("the genuine one", vec![genuine], Some("planted"))
        .await;
}

/// CHK-017 (attack 31): what a member spoils stops the drive until somebody has looked; then it is passed over, reading goes on, the log
/// does not have it, and the file of evidence names her.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_017_a_bad_change_is_passed_over() {
    let circle = Circle::new().await;
    let ground = circle.mallory.ground(&circle.by_mallory);
    let bad = circle.mallory.seal_on(&ground, Content::Reset, Vec::new());
    circle.mallory.append(&circle.photos, &bad).await;
    let seq = circle.by_alice.last().0 + 1;
    let bob = circle.bob.wake_copy().await;
    let failure = alarm(&bob).await.expect("a bad change");
    assert_lie(&failure, "a bad change", "CHK-017", "drive photos");
    assert_eq!(picture(&bob).await, circle.picture);
    bob.put("/own", b"what is his alone goes on").await.unwrap();
    assert_lie(
        &bob.put("photos:/more", b"more").await.unwrap_err(),
        "frozen",
        "CHK-017",
        "drive photos",
    );
    let audits = audits(&bob).await;
    let [audit] = &audits[..] else {
        panic!("{audits:?}")
    };
    let mallory = circle.mallory.account.to_string();
    assert_eq!(
        (audit.convicts.as_str(), audit.check.as_str()),
        ("member", "CHK-017")
    );
    assert!(audit.who.as_ref().unwrap().contains(&mallory), "{audit:?}");

    bob.dismiss("photos").await.unwrap();
    bob.sync().await.unwrap();
    bob.put("photos:/more", b"more").await.unwrap();
    assert!(
        bob.log(Some("photos:/"))
            .await
            .iter()
            .all(|entry| entry.seq != seq)
    );
    let [log] = &bob.log(Some("photos:/")).await[..1] else {
        panic!("a log")
    };
    assert_eq!(log.changes, ["put /more"]);
    assert_eq!(bob.status().await.alarms, []);
    // What stands on it is read too.
    let bob = bob.restart().await;
    bob.sync().await.unwrap();
    assert_eq!(bob.cat("photos:/more").await.unwrap(), b"more");
    bob.close().await;
    circle.site.assert_sound();
    circle.liar.repent();
}

/// Attack 31, at an honest server: nobody holds blobs by their names alone, be they of another's drive or of one that she was removed
/// from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_are_not_had_by_name() {
    let mut circle = Circle::new().await;
    let ids = |read: &Reading| -> Vec<BlobId> {
        let headers = read
            .stored
            .iter()
            .map(|stored| decode::<Header>(&stored.entry.header).unwrap());
        headers.flat_map(|header| header.adds).collect()
    };
    let blobs = ids(&circle.by_mallory);
    assert!(!blobs.is_empty());
    let own = circle.mallory.create_share().await;
    let grab = |circle: &Circle| {
        let sealed = circle
            .mallory
            .seal_ops(&own, vec![folder("grabbed")], blobs.clone());
        sealed.entry
    };
    let token = circle.mallory.token(&circle.by_mallory);
    let missing = AppendResult::Missing(blobs.clone());
    // By name, and with the live token of a drive that somebody else made.
    for tokens in [vec![], vec![token]] {
        let tried = circle
            .mallory
            .transport
            .append(&own.id(), &[grab(&circle)], &tokens)
            .await;
        assert_eq!(tried.unwrap(), std::slice::from_ref(&missing));
    }
    // And with the dead one, from her notes.
    let account = circle.mallory.account;
    circle.alice.remove(&mut circle.by_alice, &account).await;
    let tried = circle
        .mallory
        .transport
        .append(&own.id(), &[grab(&circle)], &[token])
        .await;
    assert_eq!(tried.unwrap(), [missing]);
    let honest = circle.mallory.seal_ops(&own, vec![folder("own")], Vec::new());
    circle.mallory.append(&own.id(), &honest).await;
    // Nor are they read any more.
    let limit = crannog_proto::limits::BLOB_MAX;
    let read = circle
        .mallory
        .transport
        .get_blob(&circle.photos, &token, &blobs[0], limit)
        .await;
    assert_eq!(
        read.unwrap_err().code(),
        Some(crannog_proto::ErrorCode::Forbidden)
    );
    let bob = circle.bob.wake_copy().await;
    bob.sync().await.unwrap();
    assert_eq!(bob.cat("photos:/first").await.unwrap(), b"the first");
    assert_eq!(bob.cat("photos:/grabbed").await.unwrap_err().code, Code::NotFound);
    bob.close().await;
    circle.site.assert_sound();
}
