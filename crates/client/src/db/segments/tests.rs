use crannog_core::content::{Chunks, Content};
use crannog_core::drive::{Attrs, DriveOp, DriveState, EntryMeta, NewNode, NodeId, apply};
use crannog_core::journal::{JournalKind, JournalState};
use crannog_proto::{AccountId, DeviceId, Hash, JournalId};

use super::super::{Db, DriveStore, Journals};
use super::*;

const ONE: NodeId = NodeId([1; 16]);
const TWO: NodeId = NodeId([2; 16]);

fn in_a_drive(test: impl FnOnce(&Connection, i64) -> Result<(), DbError>) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&folder.path().join("state.db"), &[1; 32]).unwrap();
    db.with_writer(|tx| {
        let state = JournalState::new(JournalId([3; 32]), JournalKind::Drive, AccountId([1; 32]));
        let row = Journals(tx).save(&JournalId([3; 32]), &state.snapshot(), None)?;
        test(tx, row)
    })
    .unwrap();
}

fn mkdir(node: NodeId, name: &str) -> DriveOp {
    DriveOp::Create {
        node,
        parent: NodeId::ROOT,
        name: name.to_owned(),
        attrs: Attrs::default(),
        new: NewNode::Directory,
    }
}

fn fold(drive: &mut DriveStore<'_>, seq: u64, op: &DriveOp) -> Result<(), DbError> {
    let meta = EntryMeta {
        seq,
        index: 0,
        seen_seq: seq - 1,
        time: 0,
        account: AccountId([1; 32]),
        device: DeviceId([2; 16]),
        device_name: "laptop",
    };
    apply(drive, &meta, op).map(drop)
}

/// CHK-030: what is only made after a place hides nothing of it; what was there and changed does, and so does an id that was somebody's before.
#[test]
fn chk_030_what_hides_a_place() {
    in_a_drive(|tx, row| {
        let mut drive = DriveStore::new(tx, row);
        fold(&mut drive, 1, &mkdir(ONE, "one"))?;
        assert!(!drive.hides(1)?);
        fold(&mut drive, 2, &mkdir(TWO, "two"))?;
        let renamed = DriveOp::Move {
            node: TWO,
            parent: NodeId::ROOT,
            name: "three".to_owned(),
        };
        fold(&mut drive, 3, &renamed)?;
        assert!(!drive.hides(1)?, "made and changed after it");
        assert!(drive.hides(2)?, "changed after it");
        assert!(!drive.hides(3)?);
        fold(&mut drive, 4, &DriveOp::Trash { node: ONE })?;
        assert!(drive.hides(3)? && !drive.hides(4)?);
        fold(&mut drive, 5, &DriveOp::Purge { node: ONE })?;
        assert!(drive.hides(4)?, "it vanished");
        fold(&mut drive, 6, &mkdir(ONE, "one"))?;
        for place in 1..6 {
            assert!(drive.hides(place)?, "what took its id: {place}");
        }
        assert!(!drive.hides(6)?);
        fold(&mut drive, 7, &DriveOp::Trash { node: ONE })?;
        fold(&mut drive, 8, &DriveOp::Purge { node: ONE })?;
        drive.forget(8)?;
        fold(&mut drive, 9, &mkdir(ONE, "one"))?;
        assert!(!drive.hides(8)?, "forgotten: no checkpoint has it");
        Ok(())
    });
}

fn manifest(through: u64) -> Manifest {
    let segment = Segment {
        after: 0,
        to: 5,
        records: 0,
        hash: Hash::ZERO,
        content: Content {
            size: 4,
            chunks: Chunks::Inline(Vec::new()),
        },
    };
    Manifest {
        through,
        forgotten: 0,
        segments: vec![segment],
    }
}

/// CHK-030: a segment that was compared late counts from then on, for it is cited again; whoever named it first wrote it.
#[test]
fn chk_030_a_segment_counts_from_where_it_was_compared() {
    in_a_drive(|tx, row| {
        let (segments, now, later) = (Segments(tx), manifest(5), manifest(9));
        let note = |known| cited(&now).try_for_each(|cited| segments.note(row, cited, known));
        let own = || {
            segments.is_own(
                row,
                Cited {
                    forgotten: 0,
                    segment: &now.segments[0],
                },
            )
        };

        note(Known::seen(false))?;
        assert!(!segments.all_compared(row, &now)? && !segments.are_true(row, &now)?);
        note(Known::equal(true, 8))?;
        assert!(segments.all_compared(row, &now)? && !segments.are_true(row, &now)?);
        assert!(segments.are_true(row, &later)?);
        assert!(!own()? && !segments.all_held(row, &later)?);
        note(Known::opened(3))?;
        assert!(segments.all_held(row, &later)? && !own()?);
        assert!(!segments.are_true(row, &now)?, "the first word stays");

        // Other words for the same bytes are another segment.
        let forgetting = Manifest {
            forgotten: 1,
            ..manifest(9)
        };
        assert!(!segments.all_compared(row, &forgetting)?);
        Ok(())
    });
}

#[test]
fn what_this_account_wrote_is_held_and_dropped() {
    in_a_drive(|tx, row| {
        let (segments, now) = (Segments(tx), manifest(5));
        let one = cited(&now).next().ok_or(DbError::Damaged("a segment"))?;
        segments.note(row, one, Known::seen(true))?;
        assert!(segments.is_held(row, one)?, "another device put it there");
        assert!(!segments.is_own(row, one)?, "nobody knows yet whether it is true");
        segments.note(row, one, Known::opened(5))?;
        assert!(segments.is_own(row, one)? && segments.are_true(row, &now)?);
        Ok(())
    });
}
