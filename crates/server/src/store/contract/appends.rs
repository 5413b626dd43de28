//! Appends: they add, and that is all.

use crannog_proto::{BlobId, Body, Entry, ErrorCode, Hash, Kind, Place};

use super::fixtures::{Journal, random};
use super::{NOW, QUOTA, append, create, done, stage, sweep};
use crate::clock::Hour;
use crate::store::{AccountKey, BlobFile, FileName, NewStaged, Outcome, Store};

/// An entry whose body lies in this blob, which it takes for its own.
fn with_body_in(journal: &Journal, kind: Kind, blob: BlobId, len: u64) -> Entry {
    let mut header = journal.header(kind);
    header.body = Body {
        hash: Hash(random()),
        len: u32::try_from(len).unwrap(),
        place: Place::Blobs(vec![blob]),
    };
    journal.seal(&header)
}

pub(super) async fn appends(store: &impl Store, alice: AccountKey) {
    let mut journal = create(store, alice).await;
    let last_week = stage(store, &journal, 10_000).await;
    let add = journal.entry(Kind::Append, &[last_week.blob], &[]);
    done(store, &mut journal, &add, &[last_week]).await;
    assert_eq!(
        store.blob(journal.id, last_week.blob).await.unwrap(),
        Some(last_week)
    );

    // A body of its own is fine; the file of another entry is none, lest a prune of this body drops it.
    let body = stage(store, &journal, 20_000).await;
    let own = with_body_in(&journal, Kind::Append, body.blob, body.size);
    done(store, &mut journal, &own, &[body]).await;
    for held in [last_week, body] {
        let taken = with_body_in(&journal, Kind::Append, held.blob, held.size);
        let outcome = append(store, &journal, &taken, &[]).await;
        assert_eq!(outcome, Outcome::Refused(ErrorCode::BadRequest));
    }

    // A body is not dropped as a file's blob, for whoever may append can say that a file lies there.
    let drop = journal.entry(Kind::Change, &[], &[body.blob]);
    done(store, &mut journal, &drop, &[]).await;
    assert_eq!(sweep(store, NOW, NOW).await.unwrap(), vec![]);
    assert_eq!(store.blob(journal.id, body.blob).await.unwrap(), Some(body));

    // Nothing is freed by an append: it needs room even if it brings no blob.
    store.set_quota("alice".to_owned(), 0).await.unwrap();
    let nothing = journal.entry(Kind::Append, &[], &[]);
    let outcome = append(store, &journal, &nothing, &[]).await;
    assert_eq!(outcome, Outcome::Refused(ErrorCode::Quota));
    let change = journal.change();
    done(store, &mut journal, &change, &[]).await;
    store.set_quota("alice".to_owned(), QUOTA).await.unwrap();
    done(store, &mut journal, &nothing, &[]).await;

    // A lease is renewed, never shortened.
    let staged = stage(store, &journal, 10).await;
    let sooner = NewStaged {
        journal: journal.id,
        epoch: 0,
        file: BlobFile {
            name: FileName(random()),
            ..staged
        },
        expires: NOW,
        reserve: 0,
    };
    assert_eq!(store.stage(sooner).await.unwrap(), Some(staged.name));
    assert_eq!(sweep(store, Hour(NOW.0 + 1), Hour(0)).await.unwrap(), vec![]);
    assert_eq!(sweep(store, Hour(NOW.0 + 25), Hour(0)).await.unwrap().len(), 1);
}
