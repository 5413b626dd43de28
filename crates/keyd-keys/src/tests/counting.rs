//! KEY-007: no number is granted twice, whenever the process dies; none beyond 2^32.

use std::sync::Arc;

use proptest::prelude::*;

use super::{NOW, Random, commit, key, next};
use crate::{
    Counter, Key, KeyError, KeySpec, KeyType, Plain, RotateReason, Taken, USES_BLOCK, USES_LIMIT,
    USES_WARNING, Uses,
};

/// What a disk and a process do with one version.
#[derive(Debug, Clone)]
enum Event {
    /// Take so many uses, reserving when asked to.
    Take(u64),
    /// Reserve ahead where the counter wants it.
    Ahead,
    /// The process dies.
    Die,
    /// The process dies after the record was synced and before it knew.
    DieAfterSync,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1_u64..50_000).prop_map(Event::Take),
        2 => Just(Event::Ahead),
        1 => Just(Event::Die),
        1 => Just(Event::DieAfterSync),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_number_is_granted_twice(events in prop::collection::vec(event(), 1..40)) {
        // The model: `granted` is how many numbers were ever granted or lost.
        let mut disk: Arc<Key> = key(&KeySpec::new(KeyType::Aes256Gcm96));
        let mut counter = Counter::resume(&disk, 1).unwrap();
        let mut granted = 0;
        for event in events {
            match event {
                Event::Take(n) => loop {
                    match counter.take(n) {
                        Taken::Granted(uses) => {
                            prop_assert_eq!(uses.left(), n);
                            granted += n;
                            // Never more than the disk knows of.
                            prop_assert!(granted <= disk.reserved(1).unwrap());
                            break;
                        }
                        Taken::Reserve { up_to } => {
                            disk = next(disk.reserve(1, up_to).unwrap());
                            counter.extend(&disk);
                        }
                        Taken::Exhausted => break,
                    }
                },
                Event::Ahead => if let Some(up_to) = counter.ahead() {
                    disk = next(disk.reserve(1, up_to).unwrap());
                    counter.extend(&disk);
                },
                Event::Die | Event::DieAfterSync => {
                    if matches!(event, Event::DieAfterSync) && let Some(up_to) = counter.ahead() {
                        disk = next(disk.reserve(1, up_to).unwrap());
                    }
                    counter = Counter::resume(&disk, 1).unwrap();
                    let start = disk.reserved(1).unwrap();
                    prop_assert!(start >= granted);
                    prop_assert!(start - granted < 2 * USES_BLOCK);
                    granted = start;
                }
            }
        }
    }
}

#[test]
fn nothing_is_granted_before_it_is_reserved() {
    let disk = key(&KeySpec::new(KeyType::Aes256Gcm96));
    let counter = Counter::resume(&disk, 1).unwrap();
    assert!(matches!(counter.take(1), Taken::Reserve { up_to: USES_BLOCK }));
    assert!(matches!(counter.take(USES_BLOCK + 1), Taken::Reserve { up_to } if up_to == 2 * USES_BLOCK));
    // A plan that was not committed for this key changes nothing.
    counter.extend(&key(&KeySpec::new(KeyType::Xaes256Gcm)));
    assert!(matches!(counter.take(1), Taken::Reserve { .. }));
    counter.extend(&next(disk.reserve(1, USES_BLOCK).unwrap()));
    assert!(matches!(counter.take(1), Taken::Granted(_)));
}

#[test]
fn the_limit_is_2_to_the_32() {
    let disk = key(&KeySpec::new(KeyType::Aes256Gcm96));
    assert_eq!(
        disk.reserve(1, USES_LIMIT + 1).err(),
        Some(KeyError::UsesExhausted)
    );
    let disk = next(disk.reserve(1, USES_LIMIT - USES_BLOCK).unwrap());
    let counter = Counter::resume(&disk, 1).unwrap();
    assert!(matches!(
        counter.take(USES_BLOCK),
        Taken::Reserve { up_to: USES_LIMIT }
    ));
    assert!(matches!(counter.take(USES_BLOCK + 1), Taken::Exhausted));
    let disk = next(disk.reserve(1, USES_LIMIT).unwrap());
    counter.extend(&disk);
    assert!(matches!(counter.take(USES_BLOCK), Taken::Granted(_)));
    assert!(matches!(counter.take(1), Taken::Exhausted));
    assert_eq!(counter.ahead(), None);
    assert!(matches!(
        Counter::resume(&disk, 1).unwrap().take(1),
        Taken::Exhausted
    ));
}

#[test]
fn an_encryption_spends_a_use_of_its_own_key_and_version() {
    let mut rng = Random::new(1);
    let item = Plain::new(b"x");
    let disk = next(
        key(&KeySpec::new(KeyType::Aes256Gcm96))
            .reserve(1, USES_BLOCK)
            .unwrap(),
    );
    assert_eq!(disk.uses_needed(None), Ok(Some(1)));
    let take = |n| match Counter::resume(&disk, 1).map(|counter| {
        counter.extend(&next(disk.reserve(1, 2 * USES_BLOCK).unwrap()));
        counter.take(n)
    }) {
        Some(Taken::Granted(uses)) => uses,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        disk.encrypt(&item, &mut Uses::uncounted(), &mut rng).err(),
        Some(KeyError::Uncounted)
    );
    let mut two = take(2);
    assert!(disk.encrypt(&item, &mut two, &mut rng).is_ok());
    assert!(disk.encrypt(&item, &mut two, &mut rng).is_ok());
    assert_eq!(
        disk.encrypt(&item, &mut two, &mut rng).err(),
        Some(KeyError::Uncounted)
    );

    let rotated = next(disk.rotate(NOW, &mut rng).unwrap());
    assert_eq!(
        rotated.encrypt(&item, &mut take(1), &mut rng).err(),
        Some(KeyError::Uncounted)
    );
    let of_first = Plain {
        version: Some(1),
        ..item
    };
    assert!(rotated.encrypt(&of_first, &mut take(1), &mut rng).is_ok());
    let other = next(
        Key::generate(
            super::name("other"),
            &KeySpec::new(KeyType::Aes256Gcm96),
            NOW,
            &mut rng,
        )
        .unwrap(),
    );
    assert_eq!(
        other.encrypt(&item, &mut take(1), &mut rng).err(),
        Some(KeyError::Uncounted)
    );
    assert!(Counter::resume(&key(&KeySpec::new(KeyType::Xaes256Gcm)), 1).is_none());
}

#[test]
fn many_uses_and_a_period_make_a_key_due() {
    let mut spec = KeySpec::new(KeyType::Aes256Gcm96);
    spec.rotate_seconds = 3600;
    let fresh = key(&spec);
    assert_eq!(fresh.due(NOW + 3_599_999, USES_WARNING), None);
    assert_eq!(
        fresh.due(NOW + 3_600_000, USES_WARNING),
        Some(RotateReason::Period)
    );
    let used = next(fresh.reserve(1, USES_WARNING).unwrap());
    assert_eq!(used.due(NOW, USES_WARNING), Some(RotateReason::Uses));
    let rotated = next(used.rotate(NOW, &mut Random::new(2)).unwrap());
    assert_eq!(rotated.due(NOW, USES_WARNING), None);

    let imported = next(Key::import(super::name("i"), &spec, &[1; 32], NOW, &mut Random::new(3)).unwrap());
    assert_eq!(imported.due(NOW + 3_600_000, USES_WARNING), None);
}

#[test]
fn an_accepted_rollback_gives_up_all_uses() {
    let mut rng = Random::new(4);
    let disk = next(
        key(&KeySpec::new(KeyType::Aes256Gcm96))
            .reserve(1, USES_BLOCK)
            .unwrap(),
    );
    let change = disk.give_up_uses(NOW, &mut rng).unwrap().unwrap();
    let after = commit(change, 9).key;
    assert_eq!(
        (after.latest(), after.reserved(1), after.reserved(2)),
        (2, Some(USES_LIMIT), Some(0))
    );
    assert!(
        key(&KeySpec::new(KeyType::Xaes256Gcm))
            .give_up_uses(NOW, &mut rng)
            .unwrap()
            .is_none()
    );
}
