//! What a reader who has read on can still say of a checkpoint, and who may rest on it (`docs/spec/drive.md`, Comparing).

use proptest::prelude::*;

use super::checkpoints::Store;
use super::histories::{Step, entry, op, steps};
use super::*;
use crate::check::Check;

/// How many of a history's entries a checkpoint describes.
const THROUGH: u64 = 3;

/// Two files and a folder, and what a checkpoint says of them.
fn described() -> (Drive, Vec<Record>) {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), NodeId::ROOT, "dir"));
    drive.done(&create(node(2), node(1), "a", 1));
    drive.done(&create(node(3), node(1), "b", 2));
    let told = records(&drive.state, 0, THROUGH);
    (drive, told)
}

fn compared(drive: &Drive, told: &[Record]) -> Result<Compared, Check> {
    let mut store = Store::default();
    let segment = store.segment(0, THROUGH, told);
    let opened = store.open(&segment).unwrap();
    compare(&drive.state, upto(THROUGH), &opened).map_err(|error| match error {
        LoadError::Check(check) => check,
        LoadError::State(never) => match never {},
    })
}

/// CHK-030: one who waits until a file was changed can say of it what he likes. It is excused, and not believed.
#[test]
fn chk_030_what_was_said_of_a_node_that_changed_after_the_checkpoint_is_not_exact() {
    let (mut drive, honest) = described();
    assert!(compared(&drive, &honest).unwrap().exact);
    drive.done(&write(node(2), 1, 9));
    let mut lie = honest.clone();
    let Record::Node(told) = &mut lie[1] else {
        panic!("gone")
    };
    told.name = "forged".into();
    let mut silent = honest.clone();
    silent.remove(1);
    for told in [&honest, &lie, &silent] {
        assert!(!compared(&drive, told).unwrap().exact);
    }
    // Of a node that nobody touched he cannot lie at all.
    let mut lie = honest;
    lie.remove(2);
    assert_eq!(compared(&drive, &lie), Err(Check::Segment));
}

/// CHK-030: the same for what vanished meanwhile, and for what took its id.
#[test]
fn chk_030_what_vanished_after_the_checkpoint_is_not_exact() {
    let (mut drive, honest) = described();
    drive.done(&trash(node(3)));
    drive.done(&purge(node(3)));
    let mut silent = honest.clone();
    silent.remove(2);
    for told in [&honest, &silent] {
        assert!(!compared(&drive, told).unwrap().exact);
    }
    drive.done(&create(node(3), node(1), "b", 7));
    for told in [&honest, &silent] {
        assert!(!compared(&drive, told).unwrap().exact);
    }
}

/// CHK-030: a Gone that the manifest says to be forgotten is refused by whoever starts there, so it is by whoever compares.
#[test]
fn chk_030_a_forgotten_gone_is_never_excused() {
    let mut drive = Drive::default();
    drive.done(&mkdir(node(1), NodeId::ROOT, "a"));
    drive.done(&trash(node(1)));
    drive.done(&purge(node(1)));
    let gone = records(&drive.state, 0, 3);
    assert!(matches!(gone[..], [Record::Gone { changed: 3, .. }]));
    drive.done(&mkdir(node(1), NodeId::ROOT, "a"));
    let mut store = Store::default();
    let older = store.segment(0, 3, &gone);
    let newer = store.segment(3, 4, &records(&drive.state, 3, 4));
    let manifest = |forgotten| Manifest {
        through: 4,
        forgotten,
        segments: vec![older.clone(), newer.clone()],
    };
    let told = |forgotten| {
        let opened = store.open(&older).unwrap();
        compare(&drive.state, manifest(forgotten).frame(), &opened)
    };
    assert!(told(2).unwrap().exact);
    assert!(store.load(&manifest(2)).is_ok());
    let lie = LoadError::Check(Check::Segment);
    assert_eq!(told(3), Err(lie));
    assert_eq!(store.load(&manifest(3)).map(drop), Err(lie));
}

/// What a liar makes of a segment, if it can be made of it: a node that is another, one that is left out, one that is made up.
fn twisted(honest: &[Record], kind: u8, at: prop::sample::Index) -> Vec<Record> {
    let mut records = honest.to_vec();
    if records.is_empty() {
        return records;
    }
    let place = at.index(records.len());
    match (kind, &mut records[place]) {
        (0, Record::Node(node)) => node.attrs.mtime_s += 1,
        (1, _) => drop(records.remove(place)),
        _ => {
            let (node, changed) = (records[place].node(), records[place].changed());
            records[place] = Record::Gone { node, changed };
        }
    }
    records
}

fn run(state: &mut MemoryDrive, from: u64, steps: Vec<Step>) -> u64 {
    let mut seq = from;
    for step in steps {
        seq += 1;
        let op = op(seq, step, state);
        apply(state, &entry(seq, step), &op).unwrap();
    }
    seq
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whoever rests on segments that a reader, wherever he stands, found true gets the reader's fold, whatever the segments say: on those that
    /// were exact at once, on the others at the next checkpoint that the reader writes.
    #[test]
    fn what_was_found_true_loads_as_the_fold(
        steps in steps(40),
        more in steps(12),
        split in any::<prop::sample::Index>(),
        (kind, which, at) in (0_u8..4, any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let mut state = MemoryDrive::new();
        let through = run(&mut state, 0, steps);
        let cut = 1 + split.index(usize::try_from(through).unwrap_or(1)) as u64;
        let mut ranges = vec![(0, cut)];
        if cut < through {
            ranges.push((cut, through));
        }
        let lying = which.index(ranges.len());
        let mut store = Store::default();
        let segments: Vec<Segment> = ranges.iter().enumerate().map(|(nth, (after, to))| {
            let honest = records(&state, *after, *to);
            let told = if nth == lying && kind < 3 { twisted(&honest, kind, at) } else { honest };
            store.segment(*after, *to, &told)
        }).collect();
        let manifest = Manifest { through, forgotten: 0, segments };
        let then = state.clone();
        let last = run(&mut state, through, more);
        let mut found = Vec::new();
        for segment in &manifest.segments {
            let Ok(opened) = store.open(segment) else { return Ok(()) };
            let Ok(compared) = compare(&state, manifest.frame(), &opened) else { return Ok(()) };
            found.push(compared.exact);
        }
        if found.iter().all(|exact| *exact) {
            prop_assert_eq!(store.load(&manifest).unwrap(), then);
        }
        if last > through {
            let newer = store.segment(through, last, &records(&state, through, last));
            let segments = [manifest.segments, vec![newer]].concat();
            let next = Manifest { through: last, forgotten: 0, segments };
            prop_assert_eq!(store.load(&next).unwrap(), state);
        }
    }
}
