//! Inboxes, and what is left of an account that was deleted.

use crannog_proto::api::LinkSecrets;
use crannog_proto::sigchain::{DeviceEnvelope, LinkKind, SignedLink};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, DeviceId, ErrorCode, Hash, limits};
use futures_util::future::join_all;

use super::fixtures::{Key, Person, device_of, generation, noise, random, secrets, sign_link};
use super::{NOW, QUOTA, new_account, sweep};
use crate::clock::Hour;
use crate::store::{AccountKey, Dropped, NewDrop, NewInvite, NewLink, Stands, Store, StoreError};

const EXPIRES: Hour = Hour(NOW.0 + 720);

fn new(account: AccountId) -> NewDrop {
    NewDrop {
        id: random(),
        account,
        sealed: noise(limits::DROP_SIZES[0]),
        expires: EXPIRES,
    }
}

async fn put(store: &impl Store, account: AccountId, id: [u8; 16]) -> Result<Dropped, StoreError> {
    store.put_drop(NewDrop { id, ..new(account) }).await
}

fn refused<T>(result: Result<T, StoreError>, code: ErrorCode) -> bool {
    matches!(result, Err(StoreError::Refused(refused)) if refused == code)
}

async fn join(store: &impl Store, person: &Person) -> Result<AccountKey, StoreError> {
    let invite = Hash(random());
    let made = NewInvite {
        hash: invite,
        uses: 1,
        expires: Hour(NOW.0 + 1),
        quota: QUOTA,
    };
    store.create_invite(made).await?;
    store.register(new_account(person, invite)).await?;
    let key = store.login_key(person.name.clone(), None).await?;
    Ok(key.unwrap().account)
}

async fn ids(store: &impl Store, key: AccountKey, now: Hour) -> Vec<[u8; 16]> {
    let drops = store.drops(key, now).await.unwrap();
    assert_eq!(!drops.is_empty(), store.has_drops(key, now).await.unwrap());
    drops.iter().map(|drop| drop.id).collect()
}

/// Alice's account is there already.
pub(super) async fn inbox(store: &impl Store, alice: AccountKey) {
    let carol = Person::new("carol");
    let (id, key) = (carol.create.account_id(), join(store, &carol).await.unwrap());
    let used = store.account(key).await.unwrap().unwrap().used;
    assert!(refused(
        put(store, AccountId(random()), random()).await,
        ErrorCode::NotFound
    ));
    assert_eq!(ids(store, key, NOW).await, Vec::<[u8; 16]>::new());

    let mut sent: Vec<[u8; 16]> = Vec::new();
    for nth in 0..limits::INBOX_PAGE + 6 {
        // Ids say nothing about the order.
        let mut drop = random::<16>();
        drop[0] = !u8::try_from(nth).unwrap();
        assert_eq!(
            put(store, id, drop).await.unwrap(),
            Dropped {
                account: key,
                fresh: true
            }
        );
        sent.push(drop);
    }
    let again = put(store, id, sent[0]).await.unwrap();
    assert_eq!((again.account, again.fresh), (key, false));
    assert_eq!(
        ids(store, key, NOW).await,
        sent[..limits::INBOX_PAGE],
        "the oldest, a page of them"
    );
    assert_eq!(ids(store, alice, NOW).await, Vec::<[u8; 16]>::new());
    store.remove_drop(alice, sent[0]).await.unwrap();
    assert_eq!(ids(store, key, NOW).await[0], sent[0], "only one's own");
    for gone in &sent[..10] {
        store.remove_drop(key, *gone).await.unwrap();
        store.remove_drop(key, *gone).await.unwrap();
    }
    assert_eq!(ids(store, key, NOW).await, sent[10..]);
    assert_eq!(
        store.account(key).await.unwrap().unwrap().used,
        used,
        "not charged"
    );

    assert_eq!(ids(store, key, EXPIRES).await, Vec::<[u8; 16]>::new(), "expired");
    sweep(store, Hour(EXPIRES.0 - 1), Hour(0)).await.unwrap();
    assert_eq!(store.stats().await.unwrap().drops, 60);
    sweep(store, EXPIRES, Hour(0)).await.unwrap();
    assert_eq!(store.stats().await.unwrap().drops, 0);

    let full = join_all((0..limits::INBOX_MAX + 3).map(|_| put(store, id, random()))).await;
    let (fits, not): (Vec<_>, Vec<_>) = full.into_iter().partition(Result::is_ok);
    assert_eq!((fits.len(), not.len()), (limits::INBOX_MAX, 3));
    assert!(
        not.into_iter()
            .all(|result| refused(result, ErrorCode::InboxFull))
    );
    let oldest = ids(store, key, NOW).await[0];
    assert!(
        !put(store, id, oldest).await.unwrap().fresh,
        "what lies there may be repeated"
    );
    store.remove_drop(key, oldest).await.unwrap();
    assert!(put(store, id, random()).await.unwrap().fresh);
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
    departed(store, &carol, key).await;
}

/// Who closes her account keeps her name for ever, and her sigchain says that it was she.
async fn closed(store: &impl Store) {
    let carol = Person::new("carol");
    join(store, &carol).await.unwrap();
    let account = store.account_named("carol".to_owned()).await.unwrap().unwrap();
    let link = |seq: u32, on, link: &SignedLink, secrets| NewLink {
        seq,
        on,
        generation: 0,
        root: VerifyingKey([7; 32]),
        devices: Vec::new(),
        link: link.clone(),
        secrets,
    };
    let (key, id) = (Key::new(), DeviceId(random()));
    let add = |seq, prev| {
        let device = device_of(id, &key);
        sign_link(seq, prev, LinkKind::AddDevice { device }, &[&carol.account, &key])
    };
    let envelope = || {
        LinkSecrets::Device(DeviceEnvelope {
            device: id,
            wrapped: Vec::new(),
        })
    };
    let kind = LinkKind::Recover {
        device: device_of(id, &key),
        generation: generation(1, &key),
        remaining: vec![id],
    };
    let first = add(1, carol.create.hash());
    let recover = sign_link(2, first.hash(), kind, &[&carol.root, &key, &key]);
    let last = add(3, recover.hash());
    let end = sign_link(3, recover.hash(), LinkKind::Close, &[&carol.root]);
    let grows = [
        link(1, Stands::Last(carol.create.hash()), &first, envelope()),
        link(
            2,
            Stands::Last(first.hash()),
            &recover,
            LinkSecrets::Generation(secrets(1, id)),
        ),
        NewLink {
            generation: 1,
            ..link(3, Stands::Last(recover.hash()), &last, envelope())
        },
    ];
    for new in grows {
        store.append_link(account.key, new).await.unwrap();
    }
    // A generation that has a successor keeps what leads to it, and no box.
    let sealed = store.generations(account.key).await.unwrap();
    let boxes: Vec<_> = sealed
        .iter()
        .map(|secrets| (secrets.recovery.is_empty(), secrets.devices.len()))
        .collect();
    assert_eq!(boxes, [(true, 0), (false, 2)]);
    // A root cuts off what devices signed, seen or not; never another root's word, and only on what is there.
    for (seq, on) in [
        (3, Stands::Last(recover.hash())),
        (3, Stands::OverDevices { prev: Hash([1; 32]) }),
        (2, Stands::OverDevices { prev: first.hash() }),
        (9, Stands::OverDevices { prev: last.hash() }),
    ] {
        let close = link(seq, on, &end, LinkSecrets::None);
        assert!(refused(
            store.close_account(account.key, close).await,
            ErrorCode::BadChain
        ));
    }
    let over = Stands::OverDevices { prev: recover.hash() };
    let close = link(3, over, &end, LinkSecrets::None);
    store.close_account(account.key, close).await.unwrap();
    assert!(store.account_named("carol".to_owned()).await.unwrap().is_none());
    let id = carol.create.account_id();
    for found in [
        store.sigchain(id).await.unwrap(),
        store.closed_named("carol".to_owned()).await.unwrap(),
    ] {
        assert_eq!(
            found.unwrap().links,
            [carol.create.clone(), first.clone(), recover.clone(), end.clone()]
        );
    }
    assert!(store.closed_named("alice".to_owned()).await.unwrap().is_none());
    assert!(refused(join(store, &carol).await, ErrorCode::NameTaken));
    assert!(refused(
        join(store, &Person::new("carol")).await,
        ErrorCode::NameTaken
    ));
    assert!(refused(put(store, id, random()).await, ErrorCode::NotFound));
}

/// What remains of an account is its sigchain.
async fn departed(store: &impl Store, carol: &Person, key: AccountKey) {
    let id = carol.create.account_id();
    let before = store.sigchain(id).await.unwrap().unwrap();
    store.delete_account("carol".to_owned()).await.unwrap().unwrap();
    let after = store.sigchain(id).await.unwrap().unwrap();
    assert_eq!((after.name, after.links), (before.name, before.links));
    assert!(store.account_named("carol".to_owned()).await.unwrap().is_none());
    assert_eq!(ids(store, key, NOW).await, Vec::<[u8; 16]>::new());
    assert!(refused(put(store, id, random()).await, ErrorCode::NotFound));
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.drops, stats.departed), (0, 1));
    assert!(
        refused(join(store, carol).await, ErrorCode::BadChain),
        "nobody begins her chain anew"
    );
    let other = Person::new("carol");
    join(store, &other).await.unwrap();
    let named = store.account_named("carol".to_owned()).await.unwrap().unwrap();
    assert_eq!(named.links, [other.create], "the name is free, and another's");
    assert_eq!(
        store.sigchain(id).await.unwrap().unwrap().links.first(),
        Some(&carol.create)
    );
    assert!(store.sigchain(AccountId(random())).await.unwrap().is_none());
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
    store.delete_account("carol".to_owned()).await.unwrap().unwrap();
    closed(store).await;
}
