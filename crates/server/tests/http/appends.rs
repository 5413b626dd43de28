//! Who holds the append key adds, and does nothing else.

use crannog_proto::api::AppendResult;
use crannog_proto::{BlobId, EpochPublic, Kind, SeqRange, Signer};
use http::StatusCode;

use crate::TestServer;
use crate::client::refused;
use crate::fixtures::{Epoch, noise, seal};

#[tokio::test]
async fn the_append_key_stages_and_appends() {
    let server = TestServer::start().await;
    let (_, mut alice) = server.person("alice").await;
    let mut journal = alice.create().await;
    let (_, mut nas) = server.person("nas").await;
    let bytes = noise(100_000);
    let id = BlobId::of(&bytes);
    // The second time the grant is known by heart.
    for _ in 0..2 {
        let answer = nas
            .put_by(&journal, &journal.epoch.append, bytes.clone(), false)
            .await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    let add = journal.entry(Kind::Append, &[id], &[]);
    nas.done(&mut journal, &add).await;
    let answer = nas.blob(journal.id, id, &journal.epoch.token).await;
    assert!(answer.body == bytes, "it reads what it added");
    // Of an epoch that has ended the key opens nothing.
    let next = Epoch::new();
    let rekey = journal.rekey(&next);
    alice.done(&mut journal, &rekey).await;
    let late = nas.put_by(&journal, &journal.epoch.append, noise(9), false).await;
    assert_eq!(late.code(), "stale_epoch");
    let late = journal.entry(Kind::Append, &[], &[]);
    assert_eq!(refused(&nas.append(journal.id, &[late]).await), "stale_epoch");
    server.stop().await;
}

#[tokio::test]
async fn the_append_key_signs_nothing_else() {
    let server = TestServer::start().await;
    let (_, mut alice) = server.person("alice").await;
    let mut journal = alice.create().await;
    let id = alice.put_ok(&journal, noise(10)).await;
    let add = journal.entry(Kind::Change, &[id], &[]);
    alice.done(&mut journal, &add).await;
    let (_, mut nas) = server.person("nas").await;
    let refresh = EpochPublic {
        admin_key: journal.epoch.admin.public(),
        ..Epoch::new().public()
    };
    let range = SeqRange { from: 0, to: 0 };
    let kinds = [
        Kind::Change,
        Kind::Checkpoint { through: 1 },
        Kind::Rekey {
            signer: Signer::Writer,
            next: refresh,
        },
        Kind::Rekey {
            signer: Signer::Admin,
            next: Epoch::new().public(),
        },
        Kind::Reset {
            through: 1,
            lost: vec![],
        },
        Kind::Prune { ranges: vec![range] },
        Kind::Close,
    ];
    for kind in kinds {
        let forged = seal(&journal.header(kind), &journal.epoch.append, b"body");
        assert_eq!(refused(&nas.append(journal.id, &[forged]).await), "bad_signature");
    }
    let drops = journal.entry(Kind::Append, &[], &[id]);
    assert_eq!(refused(&nas.append(journal.id, &[drops]).await), "bad_request");
    // And the write key signs no append: a kind has one key.
    let forged = seal(&journal.header(Kind::Append), &journal.epoch.write, b"body");
    assert_eq!(
        refused(&alice.append(journal.id, &[forged]).await),
        "bad_signature"
    );
    let twin = journal.entry(Kind::Append, &[id], &[]);
    let results = nas.append(journal.id, &[twin]).await;
    assert!(
        matches!(results.as_slice(), [AppendResult::Done(_)]),
        "{results:?}"
    );
    assert_eq!(
        nas.blob(journal.id, id, &journal.epoch.token).await.status,
        StatusCode::OK
    );
    server.stop().await;
}

/// A full quota lets through what frees space; an append frees none.
#[tokio::test]
async fn an_append_takes_no_room_that_is_kept_for_deleting() {
    let server = TestServer::start().await;
    let (_, mut alice) = server.person_with_quota("alice", 1 << 20).await;
    let mut journal = alice.create().await;
    let (_, mut nas) = server.person("nas").await;
    alice.put_ok(&journal, noise(1_000_000)).await;
    let over = alice
        .put_by(&journal, &journal.epoch.write, noise(100_000), true)
        .await;
    assert_eq!(over.status, StatusCode::NO_CONTENT);
    for body in [false, true] {
        let answer = nas
            .put_by(&journal, &journal.epoch.append, noise(20_000), body)
            .await;
        assert_eq!(answer.code(), "quota");
    }
    let entry = journal.entry(Kind::Append, &[], &[]);
    assert_eq!(refused(&nas.append(journal.id, &[entry]).await), "quota");
    let change = journal.change();
    alice.done(&mut journal, &change).await;
    server.stop().await;
}
