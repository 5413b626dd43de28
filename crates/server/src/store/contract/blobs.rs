//! Blobs: staged, held, dropped, shared between journals; bodies that are pruned; what all of it is charged.

use std::collections::HashSet;

use crannog_proto::{BlobId, ErrorCode, Kind, SeqRange};

use super::super::{AccountKey, Batch, BlobFile, FileName, NewStaged, Outcome, Store, StoreError};
use super::fixtures::{Journal, random};
use super::{NOW, append, append_with, create, done, stage, sweep, verified};
use crate::clock::Hour;

pub(super) async fn blobs(store: &impl Store, alice: AccountKey) {
    let mut journal = create(store, alice).await;
    let file = stage(store, &journal, 10_000).await;
    let unknown = BlobId(random());
    let entry = journal.entry(Kind::Change, &[unknown], &[]);
    assert_eq!(
        append(store, &journal, &entry, &[]).await,
        Outcome::Missing(vec![unknown])
    );
    let entry = journal.entry(Kind::Change, &[file.blob], &[]);
    assert_eq!(
        append(store, &journal, &entry, &[]).await,
        Outcome::Unsynced(vec![file]),
        "never before it is on disk"
    );
    assert!(
        store.blob(journal.id, file.blob).await.unwrap().is_none(),
        "staged is not held"
    );
    done(store, &mut journal, &entry, &[file]).await;
    assert_eq!(store.blob(journal.id, file.blob).await.unwrap(), Some(file));

    // A drop whose author has not seen the newest add does not count.
    let before = journal.header(Kind::Change);
    let readd = journal.entry(Kind::Change, &[file.blob], &[]);
    done(store, &mut journal, &readd, &[]).await;
    let mut stale = before.clone();
    (stale.entry.0, stale.drops) = (random(), vec![file.blob]);
    let stale = journal.seal(&stale);
    done(store, &mut journal, &stale, &[]).await;
    let used = store.account(alice).await.unwrap().unwrap().used;
    assert_eq!(sweep(store, NOW, NOW).await.unwrap(), vec![]);
    assert!(store.blob(journal.id, file.blob).await.unwrap().is_some());

    let drop = journal.entry(Kind::Change, &[], &[file.blob]);
    done(store, &mut journal, &drop, &[]).await;
    let after = store.account(alice).await.unwrap().unwrap().used;
    assert!(after < used, "a dropped blob is outside the quota");
    assert_eq!(
        sweep(store, NOW, Hour(NOW.0 - 1)).await.unwrap(),
        vec![],
        "and kept for its grace"
    );
    assert!(store.blob(journal.id, file.blob).await.unwrap().is_some());
    assert_eq!(sweep(store, NOW, NOW).await.unwrap(), vec![file.name]);
    assert!(store.blob(journal.id, file.blob).await.unwrap().is_none());

    let leased = stage(store, &journal, 50).await;
    let renewed = BlobFile {
        name: FileName(random()),
        ..leased
    };
    let new = NewStaged {
        journal: journal.id,
        epoch: 0,
        file: renewed,
        expires: Hour(NOW.0 + 48),
        reserve: 0,
    };
    assert_eq!(
        store.stage(new).await.unwrap(),
        Some(leased.name),
        "a repeated PUT replaces the file"
    );
    assert_eq!(sweep(store, Hour(NOW.0 + 24), Hour(0)).await.unwrap(), vec![]);
    assert_eq!(
        sweep(store, Hour(NOW.0 + 48), Hour(0)).await.unwrap(),
        vec![renewed.name]
    );
}

pub(super) async fn sharing(store: &impl Store, alice: AccountKey) {
    let (mut from, mut to) = (create(store, alice).await, create(store, alice).await);
    let file = stage(store, &from, 1_000).await;
    let add = from.entry(Kind::Change, &[file.blob], &[]);
    done(store, &mut from, &add, &[file]).await;
    let take = to.entry(Kind::Change, &[file.blob], &[]);
    assert_eq!(
        append(store, &to, &take, &[]).await,
        Outcome::Missing(vec![file.blob])
    );
    let used = store.account(alice).await.unwrap().unwrap().used;
    let token = from.epoch.public().read_token_hash;
    assert!(matches!(
        append_with(store, &to, &take, &[], &[token]).await,
        Outcome::Done { .. }
    ));
    to.saw(&take);
    assert!(
        store.account(alice).await.unwrap().unwrap().used < used + 1_000,
        "one file is charged once"
    );
    let drop = from.entry(Kind::Change, &[], &[file.blob]);
    done(store, &mut from, &drop, &[]).await;
    assert_eq!(
        sweep(store, NOW, NOW).await.unwrap(),
        vec![],
        "the other journal holds it"
    );
    assert_eq!(store.blob(to.id, file.blob).await.unwrap(), Some(file));
}

pub(super) async fn pruning(store: &impl Store, alice: AccountKey) {
    let mut journal = create(store, alice).await;
    let file = stage(store, &journal, 10).await;
    let add = journal.entry(Kind::Change, &[file.blob], &[]);
    done(store, &mut journal, &add, &[file]).await;
    let prune = |journal: &Journal, to| {
        journal.entry(
            Kind::Prune {
                ranges: vec![SeqRange { from: 0, to }],
            },
            &[],
            &[],
        )
    };
    let early = prune(&journal, 0);
    assert_eq!(
        append(store, &journal, &early, &[]).await,
        Outcome::Refused(ErrorCode::BadRequest)
    );
    let change = journal.change();
    done(store, &mut journal, &change, &[]).await;
    let checkpoint = journal.entry(Kind::Checkpoint { through: 2 }, &[], &[]);
    done(store, &mut journal, &checkpoint, &[]).await;
    let far = prune(&journal, 2);
    assert_eq!(
        append(store, &journal, &far, &[]).await,
        Outcome::Refused(ErrorCode::BadRequest)
    );
    let good = prune(&journal, 1);
    done(store, &mut journal, &good, &[]).await;
    let rows = store.entries(journal.id, 0, 9, 512).await.unwrap();
    let gone: Vec<bool> = rows.iter().map(|row| row.body_gone).collect();
    assert_eq!(
        gone,
        [false, true, false, false, false],
        "genesis and rekeys stay"
    );

    let staged = stage(store, &journal, 10).await;
    let close = journal.entry(Kind::Close, &[], &[]);
    let batch = Batch {
        journal: journal.id,
        entries: vec![verified(&close, &journal.epoch.public())],
        tokens: vec![],
        synced: HashSet::new(),
        gives_back: false,
        now: NOW,
    };
    assert_eq!(store.append(batch).await.unwrap().freed, vec![staged.name]);
    journal.saw(&close);
    let late = journal.change();
    assert_eq!(
        append(store, &journal, &late, &[]).await,
        Outcome::Refused(ErrorCode::JournalClosed)
    );
    let new = NewStaged {
        journal: journal.id,
        epoch: 0,
        file,
        expires: NOW,
        reserve: 0,
    };
    assert!(matches!(
        store.stage(new).await,
        Err(StoreError::Refused(ErrorCode::JournalClosed))
    ));
    let rows = store.entries(journal.id, 0, 9, 512).await.unwrap();
    assert!(
        rows.iter()
            .take(5)
            .all(|row| row.body_gone && row.entry.body.is_empty())
    );
    assert_eq!(
        sweep(store, NOW, NOW).await.unwrap().len(),
        1,
        "close drops every blob"
    );
}

pub(super) async fn quota(store: &impl Store, alice: AccountKey) {
    let mut journal = create(store, alice).await;
    let file = stage(store, &journal, 40_000).await;
    let used = store.account(alice).await.unwrap().unwrap().used;
    store.set_quota("alice".to_owned(), used + 10).await.unwrap();
    let new = NewStaged {
        journal: journal.id,
        epoch: 0,
        file: BlobFile {
            blob: BlobId(random()),
            name: FileName(random()),
            size: 11,
        },
        expires: NOW,
        reserve: 0,
    };
    assert!(matches!(
        store.stage(new).await,
        Err(StoreError::Refused(ErrorCode::Quota))
    ));
    let add = journal.entry(Kind::Change, &[file.blob], &[]);
    assert_eq!(
        append(store, &journal, &add, &[file]).await,
        Outcome::Refused(ErrorCode::Quota)
    );
    let nothing = journal.change();
    done(store, &mut journal, &nothing, &[]).await;
    store.set_quota("alice".to_owned(), used + 10_000).await.unwrap();
    done(store, &mut journal, &add, &[file]).await;
    store.set_quota("alice".to_owned(), 0).await.unwrap();
    let drop = journal.entry(Kind::Change, &[], &[file.blob]);
    done(store, &mut journal, &drop, &[]).await;
}
