//! KEY-011: each attack on a log, found by name, and the honest log beside it.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::folder::fake::Disk;
use crate::note::CheckpointError;
use crate::record::{LineError, encode, tail};
use crate::world::*;
use crate::*;

/// Forty records in one segment, a checkpoint after every tenth, some records after the last.
struct World {
    disk: Disk,
    lines: Vec<Line>,
    notes: Vec<SignedNote>,
    anchor: Anchor,
}

impl World {
    fn new() -> Self {
        let disk = Disk::default();
        let (log, _) = open(&disk, quiet()).unwrap();
        for n in 0..44 {
            write(&log, &format!("key-{n}"));
            if n % 10 == 9 {
                log.checkpoint().unwrap();
            }
        }
        drop(log);
        Self {
            lines: lines(&disk),
            notes: notes(&disk),
            anchor: disk.anchor().unwrap(),
            disk,
        }
    }

    fn judge(&self) -> Report {
        self.held_against(Some(&self.anchor), &self.notes, &[])
    }

    fn held_against(
        &self,
        anchor: Option<&Anchor>,
        notes: &[SignedNote],
        elsewhere: &[SignedNote],
    ) -> Report {
        let vkey = vkey();
        let evidence = Evidence {
            vkey: &vkey,
            anchor,
            notes,
            elsewhere,
        };
        verify(self.lines.iter().cloned().map(Ok), &evidence)
    }

    fn edit(&mut self, n: usize, from: &str, to: &str) {
        let text = String::from_utf8(self.lines[n].bytes.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        self.lines[n].bytes = text.replace(from, to).into_bytes();
    }
}

#[test]
fn an_honest_log_is_without_fault() {
    let world = World::new();
    let report = world.judge();
    assert!(report.ok(), "{report:?}");
    assert_eq!((report.size, report.checkpoints), (48, 4));
    assert_eq!(
        (report.root, report.anchor, report.tail_judged),
        (world.anchor.root, true, true)
    );
    assert!(world.held_against(None, &world.notes, &[]).ok());
    assert_eq!(judge(&world.disk, &[]), report);
}

#[test]
fn key_011_an_edited_line() {
    // Between the checkpoints at 21 and 32 records lie 21 to 31.
    let mut world = World::new();
    let sizes = |notes: &[SignedNote]| -> Vec<u64> {
        notes
            .iter()
            .map(|note| Checkpoint::of_note(note, &vkey()).unwrap().size)
            .collect()
    };
    assert_eq!(sizes(&world.notes), [10, 21, 32, 43]);
    world.edit(25, "encrypt", "decrypt");
    assert_eq!(world.judge().problems, [Problem::Root { from: 21, to: 32 }]);
    let form = Problem::Line {
        n: 25,
        error: LineError::Canonical,
    };
    world.edit(25, ",\"op\"", ", \"op\"");
    assert_eq!(world.judge().problems, [form, Problem::Root { from: 21, to: 32 }]);

    let mut world = World::new();
    world.edit(45, "encrypt", "decrypt");
    assert_eq!(world.judge().problems, [Problem::Root { from: 43, to: 48 }]);
    // After the last checkpoint nothing but the anchor knows.
    assert!(world.held_against(None, &world.notes, &[]).ok());
}

#[test]
fn key_011_a_removed_line() {
    let mut world = World::new();
    world.lines.remove(25);
    assert_eq!(world.judge().problems, [Problem::Missing { from: 25, to: 25 }]);
    let mut world = World::new();
    world.lines.remove(0);
    assert_eq!(world.judge().problems, [Problem::Beginning { n: 1, expected: 0 }]);
}

#[test]
fn key_011_an_inserted_line() {
    let mut world = World::new();
    world.lines.insert(25, world.lines[7].clone());
    assert_eq!(world.judge().problems, [Problem::Moved { n: 7, expected: 25 }]);
    let mut world = World::new();
    world.lines.insert(25, Line::new("{}"));
    let problems = world.judge().problems;
    assert_eq!(problems[0].record(), Some(25));
}

#[test]
fn key_011_a_reordered_pair() {
    let mut world = World::new();
    world.lines.swap(25, 26);
    let missing = Problem::Missing { from: 25, to: 25 };
    assert_eq!(
        world.judge().problems,
        [missing, Problem::Moved { n: 25, expected: 27 }]
    );
    // Renumbered, so that only the tree knows.
    let mut world = World::new();
    world.lines.swap(25, 26);
    world.edit(25, "\"n\":26", "\"n\":25");
    world.edit(26, "\"n\":25", "\"n\":26");
    assert_eq!(world.judge().problems, [Problem::Root { from: 21, to: 32 }]);
}

#[test]
fn key_011_a_cut_tail() {
    for kept in 0..48 {
        let mut world = World::new();
        world.lines.truncate(kept);
        let n = kept as u64;
        assert_eq!(world.judge().problems, [Problem::Tail { n, size: 48 }]);
        let by_note = world.held_against(None, &[], &world.notes[3..]);
        assert_eq!((by_note.ok(), by_note.tail_judged), (kept >= 43, true), "{kept}");
        let unknown = world.held_against(None, &[], &[]);
        assert!(unknown.ok() && !unknown.tail_judged);
    }
    let mut world = World::new();
    let last = world.lines.last_mut().unwrap();
    last.bytes.truncate(20);
    last.whole = false;
    let torn = Problem::Line {
        n: 47,
        error: LineError::Torn,
    };
    assert_eq!(world.judge().problems, [torn, Problem::Tail { n: 47, size: 48 }]);
    // The honest twin: it was written after the anchor.
    let before = Anchor {
        size: 43,
        ..Anchor::first()
    };
    assert!(world.held_against(None, &world.notes, &[]).unfinished);
    assert!(before.tree().is_none());
}

#[test]
fn key_011_a_swapped_or_older_checkpoint() {
    let world = World::new();
    let with = |notes: &[SignedNote]| world.held_against(Some(&world.anchor), notes, &[]).problems;
    let [first, second, third, last] = &world.notes[..] else {
        panic!("four checkpoints")
    };
    let swapped = [first, third, second, last].map(Clone::clone);
    let order = Problem::Order {
        index: 2,
        size: 21,
        before: 32,
    };
    assert_eq!(with(&swapped), [order]);
    let older = [first, second, third].map(Clone::clone);
    assert_eq!(with(&older), [Problem::CheckpointMissing { size: 43 }]);
    let instead = [first, second, third, third].map(Clone::clone);
    assert_eq!(with(&instead).len(), 2);

    let text = last.to_string().replace("\n43\n", "\n44\n");
    let edited = SignedNote::parse(text.as_bytes()).unwrap();
    let problem = Problem::Checkpoint {
        index: 0,
        elsewhere: true,
        error: CheckpointError::Note(NoteError::Signature),
    };
    let report = world.held_against(None, &world.notes, &[edited]);
    assert_eq!((report.problems, report.tail_judged), (vec![problem], false));
}

#[test]
fn key_011_a_checkpoint_of_another_log_or_another_history() {
    let world = World::new();
    let sign = |origin: &str, size, seed| {
        let checkpoint = Checkpoint {
            origin: origin.into(),
            size,
            root: Hash::empty(),
        };
        checkpoint.sign(&Signer::new(seed)).unwrap()
    };
    let with = |note| {
        world
            .held_against(Some(&world.anchor), &world.notes, &[note])
            .problems
    };
    let refused = |error| {
        vec![Problem::Checkpoint {
            index: 0,
            elsewhere: true,
            error,
        }]
    };
    assert_eq!(
        with(sign(ORIGIN, 20, 2)),
        refused(CheckpointError::Note(NoteError::OtherKey))
    );
    let other = SignedNote::sign(
        format!("other\n20\n{}\n", "A".repeat(43) + "="),
        ORIGIN,
        &Signer::new(1),
    );
    assert_eq!(with(other.unwrap()), refused(CheckpointError::Origin));
    assert_eq!(with(sign(ORIGIN, 30, 1)), [Problem::Root { from: 21, to: 30 }]);
    assert_eq!(with(sign(ORIGIN, 43, 1)), [Problem::CheckpointOther { size: 43 }]);
    assert_eq!(with(sign(ORIGIN, 60, 1)), [Problem::Tail { n: 48, size: 60 }]);
}

#[test]
fn key_011_an_anchor_that_contradicts_itself() {
    let mut world = World::new();
    world.anchor.frontier.pop();
    assert_eq!(world.judge().problems[0], Problem::Anchor);
}

#[test]
fn a_segment_is_named_by_its_first_record() {
    let disk = Disk::default();
    let (log, _) = open(&disk, small()).unwrap();
    for n in 0..20 {
        write(&log, &format!("key-{n}"));
    }
    drop(log);
    let begins: Vec<u64> = lines(&disk).iter().filter_map(|line| line.segment).collect();
    let name = |number| format!("{number:016}.jsonl");
    let (from, to) = (begins[1], begins[1] + 1);
    disk.put(&name(to), &disk.bytes(&name(from)));
    disk.take(&name(from));
    assert_eq!(
        judge(&disk, &[]).problems,
        [Problem::Segment { n: from, segment: to }]
    );
}

#[test]
fn problems_are_told_with_code_and_place_and_are_bounded() {
    let mut world = World::new();
    let missing = Problem::Missing { from: 3, to: 5 };
    assert_eq!(missing.to_string(), "records 3 to 5 are missing, the next is 6");
    assert_eq!(
        (missing.code(), missing.record(), missing.range()),
        ("missing", None, Some((3, 5)))
    );
    let root = Problem::Root { from: 21, to: 32 };
    assert_eq!(
        root.to_string(),
        "records 21 to 31 are not those that were signed"
    );
    assert_eq!(root.range(), Some((21, 31)));
    world.lines = vec![world.lines[0].clone(); 500];
    let report = world.judge();
    assert_eq!((report.problems.len(), report.more_problems), (MAX_PROBLEMS, 400));
}

#[test]
fn what_cannot_be_read_is_a_problem() {
    let world = World::new();
    let vkey = vkey();
    let evidence = Evidence {
        vkey: &vkey,
        anchor: None,
        notes: &[],
        elsewhere: &[],
    };
    let broken = world.lines[..3]
        .iter()
        .cloned()
        .map(Ok)
        .chain([Err(io::ErrorKind::NotFound.into())]);
    let problem = Problem::Unreadable {
        n: 3,
        kind: io::ErrorKind::NotFound,
    };
    assert_eq!(verify(broken, &evidence).problems, [problem]);
}

#[test]
fn lines_without_end_do_not_fill_the_memory() {
    let disk = Disk::default();
    disk.put("0000000000000000.jsonl", &vec![b'x'; 5 * MAX_LINE]);
    disk.put(
        "0000000000000005.jsonl",
        &[vec![b'x'; 3 * MAX_LINE], b"\n{}\n".to_vec()].concat(),
    );
    disk.put("5.jsonl", b"not a segment\n");
    let lines: Vec<Line> = Segments::of(Arc::new(disk))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(lines.iter().all(|line| line.bytes.len() <= MAX_LINE + 1));
    let whole: Vec<bool> = lines.iter().map(|line| line.whole).collect();
    assert_eq!(whole, [false, true, true]);
    assert_eq!(lines[0].record(), Err(LineError::Long));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any change of any byte of the log is found, whatever it is.
    #[test]
    fn key_011_every_byte_counts(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let world = World::new();
        let name = "0000000000000000.jsonl";
        let mut bytes = world.disk.bytes(name);
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        world.disk.put(name, &bytes);
        prop_assert!(!judge(&world.disk, &[]).ok());
    }

    #[test]
    fn no_lines_and_no_evidence_panic(
        texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20),
        dropped in any::<u64>(),
        size in any::<u64>(),
    ) {
        let vkey = vkey();
        let anchor = Anchor { size, dropped, ..Anchor::first() };
        let evidence = Evidence { vkey: &vkey, anchor: Some(&anchor), notes: &[], elsewhere: &[] };
        let numbered = (0..).zip(&texts).map(|(n, text)| {
            let text = tail(&record(&String::from_utf8_lossy(text))).unwrap();
            let n = if text.len().is_multiple_of(3) { u64::MAX - n } else { n };
            let mut line = encode(n, &text);
            line.pop();
            line
        });
        let all = texts.iter().cloned().chain(numbered).map(|text| Ok(Line::new(text)));
        let _ = verify(all, &evidence);
    }
}
