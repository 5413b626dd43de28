//! KEY-011 at the start: what no crash leaves is not opened, and its honest twin is.

use crate::folder::fake::Disk;
use crate::world::*;
use crate::*;

pub(super) const FIRST: &str = "0000000000000000.jsonl";

/// A log of some segments with a checkpoint, ended well.
pub(super) fn ended() -> Disk {
    let disk = Disk::default();
    let (log, _) = open(&disk, small()).unwrap();
    for n in 0..20 {
        write(&log, &format!("key-{n}"));
    }
    log.checkpoint().unwrap();
    drop(log);
    // No segment is begun any more: the last one has a record.
    let (log, _) = open(&disk, quiet()).unwrap();
    write(&log, "last");
    drop(log);
    open(&disk.copy(), small()).unwrap();
    disk
}

/// The segment in which the anchor lies, and its bytes.
fn last_segment(disk: &Disk) -> (String, Vec<u8>) {
    let anchor = disk.anchor().unwrap();
    let name = format!("{:016}.jsonl", anchor.segment);
    let bytes = disk.bytes(&name);
    assert_eq!(bytes.len() as u64, anchor.offset);
    (name, bytes)
}

fn refused(disk: &Disk) -> Damage {
    match open(disk, small()) {
        Err(LogError::Damaged(damage)) => damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn key_011_a_cut_tail_is_not_opened() {
    let disk = ended();
    let size = disk.anchor().unwrap().size;
    let (name, bytes) = last_segment(&disk);
    for len in 0..bytes.len() {
        let disk = disk.copy();
        disk.put(&name, &bytes[..len]);
        assert_eq!(refused(&disk), Damage::Tail(size), "{len}");
    }
    let disk = disk.copy();
    disk.take(&name);
    assert_eq!(refused(&disk), Damage::Tail(size));
}

#[test]
fn key_011_an_older_log_under_a_newer_anchor_is_not_opened() {
    let disk = ended();
    let older = disk.copy();
    let (log, _) = open(&disk, small()).unwrap();
    for n in 0..9 {
        write(&log, &n.to_string());
    }
    drop(log);
    older.set_anchor(disk.anchor());
    assert_eq!(refused(&older), Damage::Tail(disk.anchor().unwrap().size));
}

#[test]
fn key_011_what_was_before_the_anchor_must_be_there() {
    let disk = ended();
    let begun = disk.copy();
    begun.take(FIRST);
    assert_eq!(refused(&begun), Damage::Beginning(0));

    let none = disk.copy();
    none.set_anchor(None);
    assert_eq!(refused(&none), Damage::NoAnchor);

    let torn = disk.copy();
    let mut anchor = disk.anchor().unwrap();
    anchor.frontier.pop();
    torn.set_anchor(Some(anchor));
    assert_eq!(refused(&torn), Damage::Anchor);

    let other = disk.copy();
    let mut anchor = disk.anchor().unwrap();
    anchor.root = Hash::empty();
    other.set_anchor(Some(anchor));
    assert_eq!(refused(&other), Damage::Anchor);
}

#[test]
fn key_011_the_anchors_checkpoint_must_be_there() {
    let disk = ended();
    let size = disk.anchor().unwrap().checkpoint;
    for bytes in [&b""[..], b"junk\n\n", &disk.bytes("checkpoints")[..30]] {
        let disk = disk.copy();
        disk.put("checkpoints", bytes);
        assert_eq!(refused(&disk), Damage::CheckpointMissing(size));
    }
}

/// Signs what the log never was.
fn sign(size: u64, root: Hash, seed: u8) -> Vec<u8> {
    let origin = ORIGIN.to_owned();
    let note = Checkpoint { origin, size, root }
        .sign(&Signer::new(seed))
        .unwrap();
    note.to_string().into_bytes()
}

#[test]
fn key_011_a_checkpoint_beyond_the_log_or_of_another_is_not_opened() {
    let disk = ended();
    let with = |note: Vec<u8>| {
        let disk = disk.copy();
        disk.put("checkpoints", &[disk.bytes("checkpoints"), note].concat());
        disk
    };
    let size = disk.anchor().unwrap().size;
    let beyond = Damage::CheckpointBeyond {
        checkpoint: size + 1,
        records: size,
    };
    assert_eq!(refused(&with(sign(size + 1, Hash::empty(), 1))), beyond);
    assert_eq!(
        refused(&with(sign(size, Hash::empty(), 1))),
        Damage::CheckpointOther(size)
    );
    // The honest twin: the service signed, and ended before the anchor.
    let root = disk.anchor().unwrap().root;
    assert!(open(&with(sign(size, root, 1)), small()).is_ok());
    // Another log's note says nothing about this one at the start; `verify` names it.
    let foreign = with(sign(size + 1, Hash::empty(), 2));
    assert!(open(&foreign, small()).is_ok());
    assert!(!judge(&foreign, &[]).ok());
}

#[test]
fn key_011_a_line_between_segments_that_is_no_record_is_not_cut_off() {
    let disk = Disk::default();
    let (log, _) = open(&disk, small()).unwrap();
    let anchor = disk.anchor();
    for n in 0..20 {
        write(&log, &format!("key-{n}"));
    }
    drop(log);
    // A crash between a sync and the anchor: everything is read anew.
    disk.set_anchor(anchor.clone());
    let (_, opened) = open(&disk.copy(), small()).unwrap();
    assert_eq!((opened.size, opened.after_anchor), (20, 20));
    let bytes = disk.bytes(FIRST);
    let edited = disk.copy();
    edited.put(FIRST, &bytes[..bytes.len() - 10]);
    let first_of_next = lines(&disk)
        .iter()
        .filter_map(|line| line.segment)
        .nth(1)
        .unwrap();
    assert_eq!(refused(&edited), Damage::Record(first_of_next - 1));
    let removed = disk.copy();
    removed.take(&format!("{first_of_next:016}.jsonl"));
    assert_eq!(refused(&removed), Damage::Record(first_of_next));
}

#[test]
fn an_origin_must_be_a_name() {
    let disk = Disk::default();
    let opened = Log::open_in(
        std::sync::Arc::new(disk.clone()),
        "two words",
        Box::new(Signer::new(1)),
        Box::new(disk),
        small(),
    );
    assert_eq!(opened.map(|_| ()), Err(LogError::Origin));
}
