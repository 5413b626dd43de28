//! What every backend of [`Store`] has to do; call [`contract`] with an empty one.

mod appends;
mod blobs;
mod collection;
#[path = "../../tests/http/fixtures.rs"]
pub(super) mod fixtures;
mod healing;
mod inbox;
mod jobs;

use std::collections::HashSet;

use crannog_proto::entry::{EntryIn, VerifiedEntry};
use crannog_proto::{BlobId, Entry, EpochPublic, ErrorCode, Hash, Kind};

use super::{
    AccountKey, Batch, BlobFile, Expiring, FileName, NewAccount, NewInvite, NewSession, NewStaged, Outcome,
    Store, StoreError,
};
use crate::clock::Hour;
use fixtures::{Epoch, Journal, Person, random, secrets};

const NOW: Hour = Hour(500_000);
const QUOTA: u64 = 100_000_000;

pub(crate) async fn contract(store: impl Store) {
    let alice = accounts(&store).await;
    order(&store, alice).await;
    epochs(&store, alice).await;
    blobs::blobs(&store, alice).await;
    blobs::sharing(&store, alice).await;
    blobs::pruning(&store, alice).await;
    appends::appends(&store, alice).await;
    collection::collection(&store, alice).await;
    healing::healing(&store, alice).await;
    healing::strangers(&store, alice).await;
    blobs::quota(&store, alice).await;
    inbox::inbox(&store, alice).await;
    jobs::jobs(&store).await;
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
    let freed = store.delete_account("alice".to_owned()).await.unwrap().unwrap();
    assert!(!freed.is_empty());
    let stats = store.stats().await.unwrap();
    assert_eq!(
        (
            stats.accounts,
            stats.journals,
            stats.entries,
            stats.files,
            stats.staged
        ),
        (0, 0, 0, 0, 0)
    );
    store.close().await.unwrap();
    assert!(matches!(
        store.set_quota("alice".to_owned(), 1).await,
        Err(StoreError::Closed)
    ));
}

/// All that expires, but for what is dropped at another time.
async fn sweep(store: &impl Store, now: Hour, grace: Hour) -> Result<Vec<FileName>, StoreError> {
    let mut freed = store.expire(Expiring::Dropped, grace).await?;
    for what in [
        Expiring::Leases,
        Expiring::Inboxes,
        Expiring::Sessions,
        Expiring::Invites,
    ] {
        freed.extend(store.expire(what, now).await?);
    }
    Ok(freed)
}

fn verified(entry: &Entry, keys: &EpochPublic) -> VerifiedEntry {
    EntryIn::new(entry.clone()).unwrap().verify(keys).unwrap()
}

async fn create(store: &impl Store, creator: AccountKey) -> Journal {
    let journal = Journal::new();
    let placed = store
        .create_journal(
            creator,
            verified(&journal.genesis, &journal.epoch.public()),
            false,
        )
        .await
        .unwrap();
    assert_eq!((placed.seq, placed.head), (0, journal.seen.head));
    journal
}

/// Appends one entry with all files of `synced` known to be on disk.
async fn append(store: &impl Store, journal: &Journal, entry: &Entry, synced: &[BlobFile]) -> Outcome {
    append_with(store, journal, entry, synced, &[]).await
}

async fn append_with(
    store: &impl Store,
    journal: &Journal,
    entry: &Entry,
    synced: &[BlobFile],
    tokens: &[Hash],
) -> Outcome {
    let batch = Batch {
        journal: journal.id,
        entries: vec![verified(entry, &journal.epoch.public())],
        tokens: tokens.to_vec(),
        synced: synced.iter().map(|file| file.name).collect::<HashSet<_>>(),
        gives_back: false,
        now: NOW,
    };
    store.append(batch).await.unwrap().outcomes.remove(0)
}

async fn done(store: &impl Store, journal: &mut Journal, entry: &Entry, synced: &[BlobFile]) {
    let outcome = append(store, journal, entry, synced).await;
    journal.saw(entry);
    let Outcome::Done { placed, fresh: true } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((placed.seq, placed.head), (journal.seen.seq, journal.seen.head));
}

async fn stage(store: &impl Store, journal: &Journal, size: u64) -> BlobFile {
    let file = BlobFile {
        blob: BlobId(random()),
        name: FileName(random()),
        size,
    };
    let new = NewStaged {
        journal: journal.id,
        epoch: 0,
        file,
        expires: Hour(NOW.0 + 24),
        reserve: 0,
    };
    assert_eq!(store.stage(new).await.unwrap(), None);
    file
}

fn new_account(person: &Person, invite: Hash) -> NewAccount {
    NewAccount {
        invite,
        account: person.create.account_id(),
        name: person.name.clone(),
        root: person.root.public(),
        device: (person.device_id, person.device.public()),
        link: person.create.clone(),
        secrets: secrets(0, person.device_id),
        home: verified(&person.home.genesis, &person.home.epoch.public()),
        now: NOW,
    }
}

async fn accounts(store: &impl Store) -> AccountKey {
    let invite = Hash(random());
    let new = NewInvite {
        hash: invite,
        uses: 1,
        expires: Hour(NOW.0 + 1),
        quota: QUOTA,
    };
    store.create_invite(new).await.unwrap();
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    let unknown = store.register(new_account(&alice, Hash(random()))).await;
    assert!(matches!(
        unknown,
        Err(StoreError::Refused(ErrorCode::InviteInvalid))
    ));
    let first = store.register(new_account(&alice, invite)).await.unwrap();
    assert_eq!(
        store.register(new_account(&alice, invite)).await.unwrap(),
        first,
        "the first answer again"
    );
    let used_up = store.register(new_account(&bob, invite)).await;
    assert!(matches!(
        used_up,
        Err(StoreError::Refused(ErrorCode::InviteInvalid))
    ));
    assert!(
        store.account_named("bob".to_owned()).await.unwrap().is_none(),
        "nothing half made"
    );

    let key = store
        .login_key("alice".to_owned(), Some(alice.device_id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.key, alice.device.public());
    assert!(
        store
            .login_key("alice".to_owned(), Some(bob.device_id))
            .await
            .unwrap()
            .is_none()
    );
    let (hash, challenge) = (Hash(random()), Hash(random()));
    let session = |hash, challenge| NewSession {
        hash,
        account: key.account,
        device: Some(alice.device_id),
        expires: Hour(NOW.0 + 12),
        challenge,
        now: NOW,
    };
    store.open_session(session(hash, challenge)).await.unwrap();
    let again = store.open_session(session(Hash(random()), challenge)).await;
    assert!(
        matches!(again, Err(StoreError::Refused(ErrorCode::Unauthorized))),
        "a challenge serves once"
    );
    assert!(!store.session(hash).await.unwrap().unwrap().root);
    sweep(store, Hour(NOW.0 + 12), Hour(0)).await.unwrap();
    assert!(store.session(hash).await.unwrap().is_none(), "sessions end");
    key.account
}

async fn order(store: &impl Store, alice: AccountKey) {
    let mut journal = create(store, alice).await;
    let first = journal.change();
    done(store, &mut journal, &first, &[]).await;
    let again = append(store, &journal, &first, &[]).await;
    assert!(matches!(again, Outcome::Done { placed, fresh: false } if placed.head == journal.seen.head));
    let mut header = journal.header(Kind::Change);
    header.seen.head = Hash(random());
    assert_eq!(
        append(store, &journal, &journal.seal(&header), &[]).await,
        Outcome::Refused(ErrorCode::StaleSeen)
    );
    header.seen.seq = 99;
    assert_eq!(
        append(store, &journal, &journal.seal(&header), &[]).await,
        Outcome::Refused(ErrorCode::StaleSeen)
    );
    let ahead = journal.entry(Kind::Checkpoint { through: 2 }, &[], &[]);
    assert_eq!(
        append(store, &journal, &ahead, &[]).await,
        Outcome::Refused(ErrorCode::BadRequest)
    );

    // A `seen` may lie 4,096 behind, not one more.
    let behind = journal.header(Kind::Change);
    let mut left = 4_095;
    while left > 0 {
        let mut entries = Vec::new();
        for _ in 0..left.min(512) {
            let entry = journal.change();
            journal.saw(&entry);
            entries.push(verified(&entry, &journal.epoch.public()));
        }
        left -= entries.len();
        let batch = Batch {
            journal: journal.id,
            entries,
            tokens: vec![],
            synced: HashSet::new(),
            gives_back: false,
            now: NOW,
        };
        let outcomes = store.append(batch).await.unwrap().outcomes;
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, Outcome::Done { .. })),
            "{:?}",
            outcomes.last()
        );
    }
    let entry = journal.change();
    done(store, &mut journal, &entry, &[]).await;
    let just = journal.seal(&behind);
    done(store, &mut journal, &just, &[]).await;
    let mut late = behind.clone();
    late.entry.0 = random();
    assert_eq!(
        append(store, &journal, &journal.seal(&late), &[]).await,
        Outcome::Refused(ErrorCode::StaleSeen)
    );
}

async fn epochs(store: &impl Store, alice: AccountKey) {
    let mut journal = create(store, alice).await;
    let next = Epoch::new();
    let rekey = journal.rekey(&next);
    let rival = journal.rekey(&Epoch::new());
    done(store, &mut journal, &rekey, &[]).await;
    assert_eq!(
        append(store, &journal, &rival, &[]).await,
        Outcome::Refused(ErrorCode::StaleEpoch)
    );
    let again = append(store, &journal, &rekey, &[]).await;
    assert!(
        matches!(again, Outcome::Done { fresh: false, .. }),
        "a repeated rekey gets its first answer"
    );
    let dead = journal.epoch.public().read_token_hash;
    let old = journal.change();
    assert_eq!(
        append(store, &journal, &old, &[]).await,
        Outcome::Refused(ErrorCode::StaleEpoch)
    );
    (journal.epoch, journal.number) = (next, 1);
    let change = journal.change();
    done(store, &mut journal, &change, &[]).await;
    let reader = store.reader(journal.id, dead).await.unwrap().unwrap();
    assert_eq!(
        (reader.live, reader.epoch, reader.from, reader.last.seq),
        (false, 0, 0, 1)
    );
    let live = store
        .reader(journal.id, journal.epoch.public().read_token_hash)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((live.live, live.epoch, live.from, live.last.seq), (true, 1, 0, 2));
    assert!(store.reader(journal.id, Hash(random())).await.unwrap().is_none());
}
