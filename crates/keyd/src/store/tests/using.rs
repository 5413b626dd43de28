//! Changes of a store by several at once, and counted uses.

use crannog_keyd_keys::{Key, KeyError, KeyName, Plain, USES_BLOCK, USES_LIMIT};

use super::super::disk::Disk;
use super::super::*;
use super::world::*;

#[test]
fn a_change_is_of_the_state_that_everybody_sees() {
    let disk = disk();
    let store = clean(&disk);
    runtime().block_on(async {
        let first = create(&store, "k", &counted()).await.unwrap();
        let again = create(&store, "k", &uncounted()).await;
        assert!(matches!(again, Err(StoreError::Exists)));

        let rotation = first.rotate(NOW, &mut rand::rng()).unwrap();
        let reservation = first.reserve(1, USES_BLOCK).unwrap();
        let reserved = store.commit(reservation).await.unwrap();
        // KEY-007: it would take the reservation back.
        assert!(matches!(store.commit(rotation).await, Err(StoreError::Changed)));
        assert!(matches!(store.delete(&first).await, Err(StoreError::Changed)));
        assert_eq!(store.get(&name("k")).unwrap().reserved(1), Some(USES_BLOCK));
        assert_eq!(rotate(&store, "k").await.unwrap().reserved(1), Some(USES_BLOCK));

        store.delete(&store.get(&name("k")).unwrap()).await.unwrap();
        assert!(matches!(store.get(&name("k")), Err(StoreError::NoKey)));
        let late = reserved.reserve(1, 2 * USES_BLOCK).unwrap();
        assert!(matches!(store.commit(late).await, Err(StoreError::NoKey)));
        let fresh = create(&store, "k", &counted()).await.unwrap();
        assert_ne!(fresh.id(), first.id());
        let late = reserved.rotate(NOW, &mut rand::rng()).unwrap();
        assert!(matches!(store.commit(late).await, Err(StoreError::Changed)));
    });
    drop(store);
    clean(&disk);
}

#[test]
fn the_wrapping_key_is_a_key_that_no_list_shows() {
    let disk = disk();
    let store = clean(&disk);
    let wrapping = KeyName::wrapping();
    runtime().block_on(async {
        let change = Key::generate(wrapping.clone(), &uncounted(), NOW, &mut rand::rng()).unwrap();
        store.commit(change).await.unwrap();
    });
    assert_eq!(store.names(), []);
    drop(store);
    assert!(clean(&disk).get(&wrapping).is_ok());
    assert!(disk.list("keys").unwrap().is_empty());
}

#[test]
fn a_trimmed_version_is_gone_from_the_disk() {
    let disk = disk();
    let store = clean(&disk);
    runtime().block_on(async {
        create(&store, "k", &uncounted()).await.unwrap();
        let key = rotate(&store, "k").await.unwrap();
        let wish = crannog_keyd_keys::ConfigWish {
            min_decryption: Some(2),
            min_encryption: Some(2),
            ..Default::default()
        };
        let key = store.commit(key.configure(&wish).unwrap()).await.unwrap();
        store.commit(key.trim(2).unwrap()).await.unwrap();
    });
    let files: Vec<_> = disk
        .list("keys/k")
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(files, ["key", "v000002"]);
    drop(store);
    clean(&disk);
}

#[test]
fn key_007_many_at_once_share_one_reservation() {
    let disk = disk();
    let store = clean(&disk);
    runtime().block_on(async {
        let key = create(&store, "k", &counted()).await.unwrap();
        let before = store.generation();
        let takers: Vec<_> = (0..64)
            .map(|_| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(async move {
                    let mut uses = store.take_uses(&key, 1, 1000).await.unwrap();
                    key.encrypt(&Plain::new(b"x"), &mut uses, &mut rand::rng())
                        .unwrap();
                    uses.left()
                })
            })
            .collect();
        for taker in takers {
            assert_eq!(taker.await.unwrap(), 999);
        }
        // The first block, and at most the one that is reserved ahead.
        assert!(store.generation() - before <= 2);
        let reserved = store.get(&name("k")).unwrap().reserved(1).unwrap();
        assert!((USES_BLOCK..=2 * USES_BLOCK).contains(&reserved));
    });
}

#[test]
fn key_007_counting_goes_on_at_what_is_reserved() {
    let disk = disk();
    let mut least = 0;
    for _ in 0..3 {
        let store = clean(&disk);
        runtime().block_on(async {
            let key = match store.get(&name("k")) {
                Ok(key) => key,
                Err(_) => create(&store, "k", &counted()).await.unwrap(),
            };
            assert!(key.reserved(1).unwrap() >= least);
            store.take_uses(&key, 1, 1).await.unwrap();
            let reserved = store.get(&name("k")).unwrap().reserved(1).unwrap();
            assert!(reserved > least);
            least = reserved;
        });
    }
}

#[test]
fn key_007_an_older_state_of_a_key_counts_with_the_same_counter() {
    let disk = disk();
    let store = clean(&disk);
    runtime().block_on(async {
        let old = create(&store, "k", &counted()).await.unwrap();
        let change = old.reserve(1, USES_BLOCK).unwrap();
        store.commit(change).await.unwrap();
        // The caller's key says that nothing is reserved; the store's own says where to begin.
        store.take_uses(&old, 1, 1).await.unwrap();
        assert!(store.get(&name("k")).unwrap().reserved(1) >= Some(2 * USES_BLOCK));
    });
}

#[test]
fn key_007_at_the_limit_nothing_is_granted() {
    let disk = disk();
    let store = clean(&disk);
    runtime().block_on(async {
        let key = create(&store, "k", &counted()).await.unwrap();
        let key = store.commit(key.reserve(1, USES_LIMIT).unwrap()).await.unwrap();
        let exhausted = store.take_uses(&key, 1, 1).await;
        assert!(matches!(exhausted, Err(StoreError::Key(KeyError::UsesExhausted))));
        let key = rotate(&store, "k").await.unwrap();
        assert!(store.take_uses(&key, 2, 1).await.is_ok());
        let none = store.take_uses(&key, 3, 1).await;
        assert!(matches!(none, Err(StoreError::Key(KeyError::NoVersion))));
        store.delete(&store.get(&name("k")).unwrap()).await.unwrap();
        let fresh = create(&store, "other", &uncounted()).await.unwrap();
        let none = store.take_uses(&fresh, 1, 1).await;
        assert!(matches!(none, Err(StoreError::Key(KeyError::NoVersion))));
    });
}

#[test]
fn key_007_who_goes_away_leaves_a_whole_reservation() {
    let disk = disk();
    let store = clean(&disk);
    runtime().block_on(async {
        let key = create(&store, "k", &counted()).await.unwrap();
        for _ in 0..8 {
            // Polled once or twice, then dropped: the caller's connection is gone.
            let taking = store.take_uses(&key, 1, USES_BLOCK);
            tokio::select! {
                biased;
                uses = taking => drop(uses),
                () = tokio::task::yield_now() => (),
            }
        }
        assert_eq!(store.take_uses(&key, 1, 3).await.unwrap().left(), 3);
    });
}
