//! Checkpoints that lie, from one who may write them. The honest twins are beside them and in `checkpoints`.

use std::convert::Infallible;

use crannog_proto::{Hash, encode};

use super::checkpoints::Store;
use super::*;
use crate::check::Check;

/// A drive with a file, a folder and something that is gone.
fn drive() -> Drive {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), NodeId::ROOT, "dir"));
    drive.done(&create(node(2), node(1), "a", 1));
    drive.done(&create(node(3), node(1), "b", 2));
    drive.done(&trash(node(3)));
    drive.done(&purge(node(3)));
    drive
}

/// CHK-030: each lie about a drive, from one who may write checkpoints.
#[test]
fn chk_030_segments_that_lie() {
    let drive = drive();
    let honest = records(&drive.state, 0, 5);
    let mut store = Store::default();
    let mut told = |records: &[Record]| {
        let segment = store.segment(0, 5, records);
        store.open(&segment).map_or_else(LoadError::Check, |opened| {
            match compare(&drive.state, upto(5), &opened) {
                Ok(compared) => panic!("{compared:?}"),
                Err(error) => error,
            }
        })
    };
    let lie: LoadError<Infallible> = LoadError::Check(Check::Segment);
    // Something left out, made up, or undone.
    for gone in 0..honest.len() {
        let mut records = honest.clone();
        records.remove(gone);
        assert_eq!(told(&records), lie);
    }
    let mut records = honest.clone();
    records.push(Record::Gone {
        node: node(9),
        changed: 5,
    });
    assert_eq!(told(&records), lie);
    // Other keys, name, times, author, bytes, and what no fold makes.
    let changes: [fn(&mut Node); 9] = [
        |node| node.name = "c".into(),
        |node| node.parent = NodeId::ROOT,
        |node| node.attrs.mode = 0,
        |node| node.changed = 3,
        |node| node.changed = 6,
        |node| node.trashed = Some(2),
        |node| node.name = "..".into(),
        |node| node.kind = RecordKind::File(Vec::new()),
        |node| {
            let RecordKind::File(versions) = &mut node.kind else {
                panic!("no file")
            };
            let Chunks::Inline(chunks) = &mut versions[0].content.chunks else {
                panic!("leaves")
            };
            chunks[0].key = ContentKey::from_bytes(&[9; 32]);
        },
    ];
    for change in changes {
        let mut records = honest.clone();
        let Record::Node(node) = &mut records[1] else {
            panic!("gone")
        };
        change(node);
        assert_eq!(told(&records), lie);
    }
    // An old state of a node, passed off as new.
    let mut again = honest.clone();
    if let Record::Node(node) = &mut again[0] {
        node.changed = 2;
    }
    let segment = store.segment(1, 5, &again);
    assert_eq!(
        compare(&drive.state, upto(5), &store.open(&segment).unwrap()),
        Err(lie)
    );
    // The honest twins.
    let segment = store.segment(1, 5, &honest[1..]);
    assert_eq!(
        compare(&drive.state, upto(5), &store.open(&segment).unwrap())
            .unwrap()
            .equal,
        2
    );
    let segment = store.segment(0, 5, &honest);
    assert_eq!(
        compare(&drive.state, upto(5), &store.open(&segment).unwrap())
            .unwrap()
            .equal,
        3
    );
}

/// CHK-030: refused before anything is compared, since one who starts from a checkpoint has nothing to compare with.
#[test]
fn chk_030_records_that_no_fold_makes() {
    let mut drive = drive();
    drive.done(&write(node(2), 1, 3));
    let honest = records(&drive.state, 0, 6);
    let opened = |change: fn(&mut Node, &mut Vec<Version>)| {
        let mut records = honest.clone();
        let Record::Node(node) = &mut records[1] else {
            panic!("gone")
        };
        let RecordKind::File(mut versions) = node.kind.clone() else {
            panic!("no file")
        };
        change(node, &mut versions);
        node.kind = RecordKind::File(versions);
        let mut store = Store::default();
        let segment = store.segment(0, 6, &records);
        store.open(&segment).map(drop)
    };
    assert_eq!(opened(|_, _| {}), Ok(()));
    let lies: [fn(&mut Node, &mut Vec<Version>); 12] = [
        |_, versions| versions.clear(),
        |_, versions| versions.reverse(),
        |_, versions| versions[1].version = versions[0].version,
        |_, versions| versions[1].seq = 7,
        |_, versions| versions[0].seq = 1,
        |_, versions| versions[0].attrs.mode = 0o1000,
        |_, versions| versions[0].attrs.mtime_ns = 1_000_000_000,
        |_, versions| versions[1].content.size = u64::MAX,
        |node, _| node.created = 7,
        |node, _| node.trashed = Some(7),
        |node, _| node.attrs.mode = 0o1000,
        |node, _| (node.parent, node.name) = (NodeId::ROOT, RECOVERED_NAME.into()),
    ];
    for lie in lies {
        assert_eq!(opened(lie), Err(Check::Segment));
    }
}

/// CHK-029: other bytes for the same records. CHK-030: other bytes than announced.
#[test]
fn chk_029_segments_are_canonical() {
    let honest = records(&drive().state, 0, 5);
    let opened = |plaintext: &[u8], records: u64| {
        open_segment(
            &segment_of(0, 5, records, plaintext, sized(1, plaintext.len() as u64)),
            plaintext,
        )
    };
    let plaintext = encode(&honest);
    assert!(opened(&plaintext, 3).is_ok());
    assert_eq!(
        opened(&[plaintext.as_slice(), &[0]].concat(), 3),
        Err(Check::Decode)
    );
    assert_eq!(opened(&plaintext[..plaintext.len() - 1], 3), Err(Check::Decode));
    let turned: Vec<Record> = honest.iter().rev().cloned().collect();
    assert_eq!(opened(&encode(&turned), 3), Err(Check::Decode));
    let twice = [honest[0].clone(), honest[0].clone()];
    assert_eq!(opened(&encode(&twice.as_slice()), 2), Err(Check::Decode));
    // A count that no memory holds.
    assert_eq!(opened(&u32::MAX.to_le_bytes(), 3), Err(Check::Decode));
    assert_eq!(opened(&plaintext, 4), Err(Check::Segment));
    let mut segment = segment_of(0, 5, 3, &plaintext, sized(1, plaintext.len() as u64));
    assert_eq!(open_segment(&segment, &plaintext[1..]), Err(Check::Length));
    segment.hash = Hash::ZERO;
    assert_eq!(open_segment(&segment, &plaintext), Err(Check::Segment));
}

/// CHK-030: two live nodes of one name cannot be loaded.
#[test]
fn chk_030_two_nodes_of_one_name() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), NodeId::ROOT, "a"));
    drive.done(&mkdir(node(2), NodeId::ROOT, "b"));
    let mut records = records(&drive.state, 0, 2);
    if let Record::Node(node) = &mut records[1] {
        node.name = "a".into();
    }
    let mut store = Store::default();
    let segment = store.segment(0, 2, &records);
    let mut loader = Loader::new(&Manifest {
        through: 2,
        forgotten: 0,
        segments: vec![segment.clone()],
    })
    .unwrap();
    let loaded = loader.load(&mut MemoryDrive::new(), &store.0[&segment.hash]);
    assert_eq!(loaded, Err(LoadError::Check(Check::Segment)));
}

/// CHK-030: each node hangs on a folder, and at last on the root or `/Recovered`; else a walk up would have no end.
#[test]
fn chk_030_a_loaded_checkpoint_is_a_tree() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), NodeId::ROOT, "a"));
    drive.done(&mkdir(node(2), node(1), "b"));
    drive.done(&create(node(3), NodeId::RECOVERED, "c", 1));
    drive.done(&trash(node(2)));
    let honest = records(&drive.state, 0, 4);
    // In two segments: what the newer one says hangs on what only the older one brings.
    let loaded = |parents: &[(u8, NodeId)]| {
        let mut records = honest.clone();
        for record in &mut records {
            if let Record::Node(own) = record
                && let Some((_, parent)) = parents.iter().find(|(id, _)| node(*id) == own.node)
            {
                own.parent = *parent;
            }
        }
        let mut store = Store::default();
        let (older, newer): (Vec<Record>, _) = records.into_iter().partition(|record| record.changed() <= 3);
        let segments = vec![store.segment(0, 3, &older), store.segment(3, 4, &newer)];
        store.load(&Manifest {
            through: 4,
            forgotten: 0,
            segments,
        })
    };
    assert_eq!(loaded(&[]), Ok(drive.state.clone()));
    let lie = Err(LoadError::Check(Check::Segment));
    assert_eq!(loaded(&[(2, node(9))]), lie, "a parent that is nowhere");
    assert_eq!(loaded(&[(2, node(3))]), lie, "a parent that is a file");
    assert_eq!(loaded(&[(1, node(1))]), lie, "its own parent");
    assert_eq!(loaded(&[(1, node(2))]), lie, "a cycle");
}

/// CHK-030: what is forgotten cannot come back, neither by an older segment that still has it nor by a Gone that nobody else has.
#[test]
fn chk_030_what_is_forgotten_stays_gone() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), NodeId::ROOT, "a"));
    drive.done(&mkdir(node(2), NodeId::ROOT, "b"));
    let mut store = Store::default();
    let old = store.segment(0, 2, &records(&drive.state, 0, 2));
    assert!(compare(&drive.state, upto(2), &store.open(&old).unwrap()).is_ok());
    drive.done(&trash(node(1)));
    drive.done(&purge(node(1)));
    let gone = records(&drive.state, 2, 4);
    assert!(matches!(gone[..], [Record::Gone { changed: 4, .. }]));
    // Honest: the old segment, and behind it that the node vanished.
    let newer = store.segment(2, 4, &gone);
    assert!(compare(&drive.state, upto(4), &store.open(&old).unwrap()).is_ok());
    let manifest = |forgotten, segments: &[Segment]| Manifest {
        through: 4,
        forgotten,
        segments: segments.to_vec(),
    };
    let whole = manifest(0, &[old.clone(), newer.clone()]);
    assert_eq!(store.load(&whole).unwrap(), drive.state);

    drive.state.forget(4).unwrap();
    assert_eq!(drive.state.gone(node(1)).unwrap(), None);
    let lie = Err(LoadError::Check(Check::Segment));
    for stale in [&old, &newer] {
        let forgetting = Frame {
            through: 4,
            forgotten: 4,
        };
        assert_eq!(
            compare(&drive.state, forgetting, &store.open(stale).unwrap()),
            lie
        );
    }
    assert_eq!(
        store.load(&manifest(4, &[old.clone(), newer])).map(drop),
        lie.map(drop)
    );
    let (fresh, empty) = (
        store.segment(0, 2, &records(&drive.state, 0, 2)),
        store.segment(2, 4, &records(&drive.state, 2, 4)),
    );
    let forgetting = manifest(4, &[fresh, empty]);
    assert_eq!(check_manifest(&forgetting), Ok(()));
    assert_eq!(store.load(&forgetting).unwrap(), drive.state);
    assert_eq!(
        check_manifest(&manifest(5, &forgetting.segments)),
        Err(Check::Segment)
    );
}
