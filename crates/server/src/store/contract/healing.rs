//! A restored server takes what is given back, and nothing new.

use std::collections::HashSet;

use crannog_proto::{BlobId, Body, Entry, ErrorCode, Hash, Kind, Place};

use super::fixtures::{Journal, Person, random};
use super::{NOW, append, create, done, verified};
use crate::store::{AccountKey, Batch, GivenChain, Outcome, Store, StoreError};

async fn give_back(store: &impl Store, journal: &Journal, entry: &Entry) -> Outcome {
    let batch = Batch {
        journal: journal.id,
        entries: vec![verified(entry, &journal.epoch.public())],
        tokens: vec![],
        synced: HashSet::new(),
        gives_back: true,
        now: NOW,
    };
    store.append(batch).await.unwrap().outcomes.remove(0)
}

pub(super) async fn healing(store: &impl Store, alice: AccountKey) {
    let mut journal = create(store, alice).await;
    let first = journal.change();
    done(store, &mut journal, &first, &[]).await;
    let gone = BlobId(random());
    let lost = journal.entry(Kind::Change, &[gone], &[]);
    assert_eq!(
        give_back(store, &journal, &lost).await,
        Outcome::Missing(vec![gone]),
        "where nothing heals, the word changes nothing"
    );
    assert_eq!(store.healing().await.unwrap(), None);
    store.set_healing(Some(1_700_000_000)).await.unwrap();
    assert_eq!(store.healing().await.unwrap(), Some(1_700_000_000));
    assert!(store.journal(journal.id).await.unwrap().unwrap().healing);

    let refused = |result: Result<_, StoreError>| {
        assert!(matches!(result, Err(StoreError::Refused(ErrorCode::Healing))));
    };
    let batch = Batch {
        journal: journal.id,
        entries: vec![verified(&journal.change(), &journal.epoch.public())],
        tokens: vec![],
        synced: HashSet::new(),
        gives_back: false,
        now: NOW,
    };
    refused(store.append(batch).await.map(drop));
    let new = Journal::new();
    let genesis = || verified(&new.genesis, &new.epoch.public());
    refused(store.create_journal(alice, genesis(), false).await.map(drop));
    store.create_journal(alice, genesis(), true).await.unwrap();

    // A body can be sent again by whoever has read it.
    let mut header = journal.header(Kind::Change);
    let body = BlobId(random());
    header.body = Body {
        hash: Hash(random()),
        len: 100_000,
        place: Place::Blobs(vec![body]),
    };
    header.adds = vec![gone];
    let bodiless = journal.seal(&header);
    assert_eq!(
        give_back(store, &journal, &bodiless).await,
        Outcome::Missing(vec![body])
    );
    let outcome = give_back(store, &journal, &lost).await;
    journal.saw(&lost);
    assert!(
        matches!(outcome, Outcome::Done { placed, fresh: true } if placed.head == journal.seen.head),
        "the same chain: {outcome:?}"
    );
    assert!(matches!(
        give_back(store, &journal, &lost).await,
        Outcome::Done { fresh: false, .. }
    ));
    assert_eq!(store.lacking(journal.id, vec![gone]).await.unwrap(), [gone]);
    assert_eq!(store.blob(journal.id, gone).await.unwrap(), None);

    store.set_healing(None).await.unwrap();
    let next = journal.change();
    assert!(matches!(
        append(store, &journal, &next, &[]).await,
        Outcome::Done { fresh: true, .. }
    ));
}

/// Of the room for sigchains of unknown accounts one giver has a small share.
pub(super) async fn strangers(store: &impl Store, alice: AccountKey) {
    store.set_healing(Some(1_700_000_000)).await.unwrap();
    let give = |by, nth: usize| {
        let person = Person::new(&format!("stranger-{nth}"));
        store.give_back_chain(GivenChain {
            account: person.create.account_id(),
            by,
            on: None,
            name: format!("stranger-{nth}"),
            closed: false,
            links: vec![person.create],
        })
    };
    for nth in 0..64 {
        give(alice, nth).await.unwrap();
    }
    let refused = give(alice, 64).await;
    assert!(matches!(
        refused,
        Err(StoreError::Refused(ErrorCode::StorageFull))
    ));
    give(AccountKey(alice.0 + 1), 65).await.unwrap();
    store.set_healing(None).await.unwrap();
}
