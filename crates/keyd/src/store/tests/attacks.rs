//! KEY-001, KEY-003: every row of the page's table of what is found at the start, as an attacker would make it, and honestly.

use crannog_keyd_audit::{Anchor, AnchorStore};
use crannog_keyd_keys::RecordError;

use super::super::disk::Disk;
use super::super::disk::fake::Fake;
use super::super::*;
use super::world::*;

/// A store with two keys, one of them rotated, and copies of the disk from before each change.
fn history() -> Vec<Fake> {
    let disk = disk();
    let mut copies = vec![disk.copy()];
    let store = clean(&disk);
    runtime().block_on(async {
        create(&store, "a", &uncounted()).await.unwrap();
        copies.push(disk.copy());
        create(&store, "b", &uncounted()).await.unwrap();
        copies.push(disk.copy());
        rotate(&store, "a").await.unwrap();
    });
    copies.push(disk.copy());
    copies
}

fn refused(disk: &Fake) -> StoreError {
    match open(disk) {
        Err(error) => error,
        Ok((_, findings)) => panic!("it opened: {findings:?}"),
    }
}

/// The store opens, `a` is damaged and the other one works.
fn damaged(disk: &Fake) -> Damage {
    let (store, findings) = open(disk).unwrap();
    assert!(matches!(store.get(&name("a")), Err(StoreError::Damaged)));
    assert!(store.get(&name("b")).is_ok());
    assert_eq!(findings.damaged, store.damaged());
    assert_eq!(findings.damaged.len(), 1);
    assert_eq!(store.names().len(), 2);
    runtime().block_on(async {
        rotate(&store, "b").await.unwrap();
        let again = create(&store, "a", &uncounted()).await;
        assert!(matches!(again, Err(StoreError::Damaged)));
    });
    findings.damaged[0].1
}

#[test]
fn key_003_one_key_that_was_put_back_is_damaged() {
    let disks = history();
    let disk = disks[3].copy();
    disk.put_back("keys/a", &disks[2]);
    assert_eq!(damaged(&disk), Damage::PutBack);
}

#[test]
fn key_003_another_key_of_that_name_is_damaged() {
    let (disks, other) = (history(), disk());
    // The same store key would be needed to make one: so it is a key of before, with another id.
    let (store, _) = open(&other).unwrap();
    runtime().block_on(create(&store, "a", &uncounted())).unwrap();
    let disk = disks[3].copy();
    disk.put_back("keys/a", &other);
    assert_eq!(damaged(&disk), Damage::Record(RecordError::Damaged));
}

#[test]
fn key_003_a_key_that_was_taken_away_is_damaged() {
    let disk = history()[3].copy();
    disk.take("keys/a");
    assert_eq!(damaged(&disk), Damage::Missing);
    let disk = history()[3].copy();
    disk.take("keys/a/key");
    assert_eq!(damaged(&disk), Damage::Missing);
    // Its versions are evidence, not rubbish.
    assert_eq!(disk.list("keys/a").unwrap().len(), 2);
}

#[test]
fn key_001_a_version_that_is_gone_edited_or_swapped_is_damage() {
    let disks = history();
    let disk = disks[3].copy();
    disk.take("keys/a/v000001");
    assert_eq!(damaged(&disk), Damage::Record(RecordError::Version(1)));

    let disk = disks[3].copy();
    let mut bytes = disk.read("keys/a/v000002").unwrap().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    disk.put("keys/a/v000002", &bytes);
    assert_eq!(damaged(&disk), Damage::Record(RecordError::Version(2)));

    let disk = disks[3].copy();
    disk.put("keys/a/v000001", &disk.read("keys/b/v000001").unwrap().unwrap());
    assert_eq!(damaged(&disk), Damage::Record(RecordError::Version(1)));

    let disk = disks[3].copy();
    disk.put("keys/a/key", &disk.read("keys/b/key").unwrap().unwrap());
    assert_eq!(damaged(&disk), Damage::Record(RecordError::Misplaced));
}

#[test]
fn key_003_a_deleted_key_does_not_come_back() {
    let before = history()[3].copy();
    let disk = before.copy();
    let store = clean(&disk);
    runtime()
        .block_on(async { store.delete(&store.get(&name("a"))?).await })
        .unwrap();
    drop(store);
    assert_eq!(clean(&disk).names(), [name("b")]);
    disk.put_back("keys/a", &before);
    assert!(matches!(refused(&disk), StoreError::PutBack(key) if key == name("a")));
}

#[test]
fn key_003_an_older_head_is_found_by_the_keys() {
    let disks = history();
    // Two changes back: two keys are ahead.
    let disk = disks[3].copy();
    disk.put_back("head", &disks[1]);
    assert!(matches!(refused(&disk), StoreError::PutBack(_)));
    // One change back: that change is done again, as after a break-off, and nothing is lost.
    let disk = disks[3].copy();
    disk.put_back("head", &disks[2]);
    let (store, findings) = open(&disk).unwrap();
    assert_eq!(findings.recovered, Some(name("a")));
    assert_eq!(
        (store.generation(), store.get(&name("a")).unwrap().latest()),
        (4, 2)
    );
}

#[test]
fn key_003_a_missing_or_foreign_head_does_not_open() {
    let disk = history()[3].copy();
    disk.take("head");
    assert!(matches!(refused(&disk), StoreError::HeadMissing));
    disk.put("head", b"CRKDREC1");
    assert!(matches!(refused(&disk), StoreError::Head(_)));
    disk.put("head", b"CRKDREC2");
    assert!(matches!(refused(&disk), StoreError::Head(RecordError::Format)));
}

/// An anchor of this moment.
fn anchor(store: &Store) -> Anchor {
    let anchor = Anchor {
        counter: store.generation(),
        size: 0,
        root: crannog_keyd_audit::Hash::empty(),
        frontier: Vec::new(),
        segment: 0,
        offset: 0,
        checkpoint: 0,
        checkpoint_root: crannog_keyd_audit::Hash::empty(),
        dropped: 0,
        dropped_frontier: Vec::new(),
    };
    store.anchor().save(&anchor).unwrap();
    anchor
}

#[test]
fn key_003_head_and_keys_that_were_put_back_are_older_than_the_anchor() {
    let disks = history();
    let disk = disks[3].copy();
    let saved = anchor(&clean(&disk));
    // Honestly: the same, then a change that the log has not seen.
    let store = clean(&disk);
    assert_eq!(store.anchor().load().unwrap(), Some(saved));
    runtime().block_on(rotate(&store, "b")).unwrap();
    drop(store);
    assert!(open(&disk).unwrap().1.ahead_of_log);

    for file in ["head", "keys"] {
        disk.put_back(file, &disks[2]);
    }
    assert!(matches!(
        refused(&disk),
        StoreError::BelowAnchor { head: 3, anchor: 4 }
    ));
    disk.put("audit/anchor", b"CRKDREC1");
    assert!(matches!(refused(&disk), StoreError::Anchor(_)));
}

#[test]
fn key_003_the_whole_state_put_back_is_older_than_the_witness() {
    let disks = history();
    let elsewhere = Fake::default();
    let with = |disk: &Fake| {
        let witness = Witness::on(Arc::new(elsewhere.clone()));
        open_with(disk, Some(witness))
    };
    let disk = disks[2].copy();
    let (store, _) = with(&disk).unwrap();
    assert_eq!(
        elsewhere.read("witness").unwrap().unwrap(),
        format!("{} 3\n", "5a".repeat(16)).as_bytes()
    );
    runtime().block_on(rotate(&store, "a")).unwrap();
    drop(store);
    assert!(with(&disk).is_ok());
    assert!(matches!(
        with(&disks[2].copy()),
        Err(StoreError::BelowWitness { head: 3, witness: 4 })
    ));
    let other = "5b".repeat(16);
    for bad in [
        format!("{other} 1\n"),
        format!("{} 01\n", "5a".repeat(16)),
        String::new(),
    ] {
        elsewhere.put("witness", bad.as_bytes());
        assert!(matches!(with(&disk), Err(StoreError::WitnessOfAnother)));
    }
}

#[test]
fn what_a_break_off_leaves_is_removed() {
    let disk = history()[3].copy();
    disk.put("tmp/~9", b"half");
    disk.put("tmp/folder/key", b"half");
    disk.put("keys/new/v000001", b"a version without a key");
    disk.put("keys/a/v000003", b"a version that the key does not list");
    let store = clean(&disk);
    assert_eq!(store.names(), [name("a"), name("b")]);
    assert!(disk.list("tmp").unwrap().is_empty());
    assert!(disk.list("keys/new").unwrap().is_empty());
    assert_eq!(disk.list("keys").unwrap().len(), 2);
    assert_eq!(disk.read("keys/a/v000003").unwrap(), None);
}

#[test]
fn what_is_no_keys_is_left_alone() {
    let disk = history()[3].copy();
    disk.put("keys/lost+found/x", b"x");
    disk.put("keys/README", b"x");
    clean(&disk);
    assert!(disk.read("keys/lost+found/x").unwrap().is_some());
    assert!(disk.read("keys/README").unwrap().is_some());
}

#[test]
fn a_key_that_does_not_open_and_is_not_in_the_head_is_refused() {
    let disk = history()[3].copy();
    disk.put("keys/new/key", b"CRKDREC1");
    assert!(matches!(refused(&disk), StoreError::PutBack(key) if key == name("new")));
}
