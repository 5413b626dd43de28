//! KEY-001 and KEY-003: records open at their own place only, and what was put back is found.

use super::{NOW, Random, STORE, commit, key, name, next, specs, store_key};
use crate::{
    Found, Head, Judgement, Key, KeySpec, KeyType, RecordError, RecordFile, RecordHeader, RecordIn,
    RecordKind, StoreId, Verdict, open_key, open_record, seal_record,
};

/// The two records of a key with one version.
fn files(key_name: &str, spec: &KeySpec, seed: u64) -> (Vec<u8>, Vec<u8>) {
    let change = Key::generate(name(key_name), spec, NOW, &mut Random::new(seed)).unwrap();
    let files = commit(change, 2).files;
    match files.as_slice() {
        [version, key] => {
            assert_eq!((version.name.as_str(), key.name.as_str()), ("v000001", "key"));
            (version.bytes.clone(), key.bytes.clone())
        }
        other => panic!("{}", other.len()),
    }
}

fn opened(key_name: &str, key: &[u8], version: &[u8]) -> Result<(Key, u64), RecordError> {
    let versions = [RecordIn {
        version: 1,
        bytes: version,
    }];
    open_key(&store_key(), &STORE, &name(key_name), key, &versions)
}

#[test]
fn every_type_comes_back_from_its_records() {
    for spec in specs() {
        let change = Key::generate(name("test"), &spec, NOW, &mut Random::new(5)).unwrap();
        let first = commit(change, 2);
        let second = commit(first.key.rotate(NOW + 1, &mut Random::new(6)).unwrap(), 3);
        // A rotation writes the new version and the key, nothing else.
        assert_eq!(second.files.len(), 2);
        let versions = [
            RecordIn {
                version: 1,
                bytes: &first.files[0].bytes,
            },
            RecordIn {
                version: 2,
                bytes: &second.files[0].bytes,
            },
            RecordIn {
                version: 3,
                bytes: b"left over",
            },
        ];
        let (back, store_generation) = open_key(
            &store_key(),
            &STORE,
            &name("test"),
            &second.files[1].bytes,
            &versions,
        )
        .unwrap();
        assert_eq!(store_generation, 3);
        assert_eq!(back.describe(None).unwrap(), second.key.describe(None).unwrap());
        assert_eq!((back.id(), back.generation()), (second.key.id(), 2));
        let mac = crate::ToMac {
            input: b"x",
            version: Some(1),
            ..Default::default()
        };
        assert_eq!(back.hmac(&mac), second.key.hmac(&mac));
        assert!(back.has(2) && !back.has(3));
    }
}

#[test]
fn records_of_one_place_never_open_at_another() {
    let spec = KeySpec::new(KeyType::Xaes256Gcm);
    let (version, key) = files("one", &spec, 1);
    assert!(opened("one", &key, &version).is_ok());
    // Another name.
    assert_eq!(opened("two", &key, &version).err(), Some(RecordError::Misplaced));
    // Another store, another store key.
    let versions = [RecordIn {
        version: 1,
        bytes: &version,
    }];
    let elsewhere = open_key(&store_key(), &StoreId([1; 16]), &name("one"), &key, &versions);
    assert_eq!(elsewhere.err(), Some(RecordError::Misplaced));
    let other = crannog_seal::keyd::StoreKey::generate(&mut Random::new(1));
    assert_eq!(
        open_key(&other, &STORE, &name("one"), &key, &versions).err(),
        Some(RecordError::Damaged)
    );
    // A version of another key of this name, type and policy, of another type, of another number.
    let mut derived = spec;
    derived.policy.derived = true;
    for (other, seed) in [
        (spec, 2),
        (KeySpec::new(KeyType::XChaCha20Poly1305), 1),
        (derived, 1),
    ] {
        let (foreign, foreign_key) = files("one", &other, seed);
        assert_eq!(opened("one", &key, &foreign).err(), Some(RecordError::Version(1)));
        assert_eq!(
            opened("one", &foreign_key, &version).err(),
            Some(RecordError::Version(1))
        );
    }
    let wrong_number = [RecordIn {
        version: 2,
        bytes: &version,
    }];
    let missing = open_key(&store_key(), &STORE, &name("one"), &key, &wrong_number);
    assert_eq!(missing.err(), Some(RecordError::Version(1)));
    // A record of one kind in the place of another.
    assert_eq!(
        opened("one", &version, &version).err(),
        Some(RecordError::Misplaced)
    );
    assert_eq!(
        opened("one", b"CRKDREC2", &version).err(),
        Some(RecordError::Format)
    );
}

#[test]
fn a_header_cannot_be_edited() {
    let (version, key) = files("one", &KeySpec::new(KeyType::Xaes256Gcm), 1);
    // Header: magic 8, store 16, kind 1, id 16, name 4 + 3, version 4, type 1, policy 8, generation 8.
    for at in 0..8 + 16 + 1 + 16 + 7 + 4 + 1 + 8 + 8 {
        for flip in [1, 0x80] {
            let mut edited = key.clone();
            edited[at] ^= flip;
            assert!(opened("one", &edited, &version).is_err(), "key, byte {at}");
            let mut edited = version.clone();
            edited[at] ^= flip;
            assert!(opened("one", &key, &edited).is_err(), "version, byte {at}");
        }
    }
    for len in (0..key.len()).step_by(7) {
        assert!(opened("one", &key[..len], &version).is_err());
    }
}

#[test]
fn records_of_the_store_are_bound_to_kind_and_store() {
    let (store, mut rng) = (store_key(), Random::new(3));
    let at = |kind| RecordHeader::of_store(&STORE, kind, 7);
    let root = seal_record(
        &store,
        RecordKind::AuditRoot,
        &at(RecordKind::AuditRoot),
        b"R",
        &mut rng,
    )
    .unwrap();
    let (header, plain) =
        open_record(&store, RecordKind::AuditRoot, &at(RecordKind::AuditRoot), &root).unwrap();
    assert_eq!((header.generation, plain.expose()), (7, b"R".as_slice()));
    let as_anchor = open_record(&store, RecordKind::Anchor, &at(RecordKind::Anchor), &root);
    assert_eq!(as_anchor.err(), Some(RecordError::Misplaced));
    let mut relabeled = root;
    relabeled[24] = RecordKind::Anchor as u8;
    let as_anchor = open_record(&store, RecordKind::Anchor, &at(RecordKind::Anchor), &relabeled);
    assert_eq!(as_anchor.err(), Some(RecordError::Damaged));
}

#[test]
fn version_files_are_named_by_number() {
    assert_eq!(RecordFile::version_name(7), "v000007");
    assert_eq!(RecordFile::version_name(12_345_678), "v12345678");
}

fn found(key: &Key, store_generation: u64) -> Found {
    Found::of(key, store_generation)
}

fn verdicts(judgement: Judgement) -> Vec<Verdict> {
    match judgement {
        Judgement::Opens(list) => list.into_iter().map(|(_, verdict)| verdict).collect(),
        Judgement::Refused(name) => panic!("{name}"),
    }
}

#[test]
fn a_head_comes_back_and_says_what_must_be_there() {
    let (store, mut rng) = (store_key(), Random::new(8));
    let one = key(&KeySpec::new(KeyType::Xaes256Gcm));
    let empty = Head::new(NOW);
    let head = empty.with(&one);
    let bytes = head.seal(&store, &STORE, &mut rng).unwrap();
    assert_eq!(Head::open(&store, &STORE, &bytes), Ok(head.clone()));
    assert_eq!(
        (head.generation(), head.created(), head.keys().count()),
        (2, NOW, 1)
    );
    assert!(Head::open(&store, &StoreId([0; 16]), &bytes).is_err());

    assert_eq!(verdicts(head.judge(&[found(&one, 2)])), [Verdict::Current]);
    // Broken off between key and head: a change, and a creation.
    let two = next(one.rotate(NOW, &mut rng).unwrap());
    assert_eq!(verdicts(head.judge(&[found(&two, 3)])), [Verdict::Ahead]);
    assert_eq!(verdicts(empty.judge(&[found(&one, 2)])), [Verdict::Ahead]);
    // Put back, gone, another of the same name.
    let later = head.with(&two);
    assert_eq!(verdicts(later.judge(&[found(&one, 2)])), [Verdict::PutBack]);
    assert_eq!(verdicts(later.judge(&[])), [Verdict::PutBack]);
    let twin = next(Key::generate(name("test"), &KeySpec::new(KeyType::Xaes256Gcm), NOW, &mut rng).unwrap());
    assert_eq!(verdicts(later.judge(&[found(&twin, 4)])), [Verdict::PutBack]);
}

#[test]
fn a_deleted_key_does_not_come_back() {
    let mut rng = Random::new(9);
    let one = key(&KeySpec::new(KeyType::Xaes256Gcm));
    let two = next(one.rotate(NOW, &mut rng).unwrap());
    let deleted = Head::new(NOW).with(&one).with(&two).without(one.name());
    // In any generation, the first among them: its record names a head that is long past.
    for (key, written) in [(&one, 2), (&two, 3)] {
        assert_eq!(
            deleted.judge(&[found(key, written)]),
            Judgement::Refused(name("test"))
        );
    }
    // An older head in place of the present one: keys are ahead that no break-off explains.
    let other =
        next(Key::generate(name("other"), &KeySpec::new(KeyType::Xaes256Gcm), NOW, &mut rng).unwrap());
    let old = Head::new(NOW);
    let all = [found(&one, 2), found(&other, 3)];
    assert_eq!(old.judge(&all), Judgement::Refused(name("other")));
    // Accepted on purpose, the head is far beyond every one that was.
    let accepted = old.accepting(&all);
    assert_eq!(accepted.generation(), 1 + (1 << 32));
    assert_eq!(
        verdicts(accepted.judge(&all)),
        [Verdict::Current, Verdict::Current]
    );
}

/// Every break-off of *Order of a change* leaves a store that opens with the old state or the new one.
#[test]
fn a_change_is_whole_wherever_it_breaks_off() {
    let (store, mut rng) = (store_key(), Random::new(10));
    let first = commit(
        Key::generate(name("test"), &KeySpec::new(KeyType::Xaes256Gcm), NOW, &mut rng).unwrap(),
        2,
    );
    let head = Head::new(NOW).with(&first.key);
    let second = commit(first.key.rotate(NOW, &mut rng).unwrap(), head.generation() + 1);
    let new_head = head.with(&second.key);
    let writes = second.files.len() + 1;
    for done in 0..=writes {
        let mut disk: Vec<(String, Vec<u8>)> = first
            .files
            .iter()
            .map(|file| (file.name.clone(), file.bytes.clone()))
            .collect();
        for file in second.files.iter().take(done) {
            disk.retain(|(name, _)| *name != file.name);
            disk.push((file.name.clone(), file.bytes.clone()));
        }
        let head = if done == writes { &new_head } else { &head };
        let get = |name: &str| {
            disk.iter()
                .find(|(file, _)| file == name)
                .map(|(_, bytes)| bytes.as_slice())
        };
        let versions: Vec<RecordIn<'_>> = (1..=2)
            .filter_map(|version| {
                let bytes = get(&RecordFile::version_name(version))?;
                Some(RecordIn { version, bytes })
            })
            .collect();
        let (key, written) = open_key(&store, &STORE, &name("test"), get("key").unwrap(), &versions).unwrap();
        let expected = match done {
            0 | 1 => (1, Verdict::Current),
            2 => (2, Verdict::Ahead),
            _ => (2, Verdict::Current),
        };
        assert_eq!(
            (key.latest(), verdicts(head.judge(&[found(&key, written)]))[0]),
            expected
        );
    }
}
