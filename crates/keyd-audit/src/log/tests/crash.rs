//! The power goes, or the process, at every operation, and everything that may then be found is opened.

use crate::folder::fake::{Disk, FOUND, Found};
use crate::world::*;
use crate::*;

/// What whoever used the log was told before the end.
#[derive(Default)]
struct Told {
    /// Records of which a sync was confirmed.
    synced: u64,
    /// Records of which an anchor was confirmed.
    anchored: u64,
    notes: Vec<SignedNote>,
}

fn options() -> Options {
    let mut options = small();
    options.limits.checkpoint_records = 7;
    options
}

fn dropping() -> Options {
    Options {
        when_full: WhenFull::DropOldest,
        max_size: 1500,
        ..options()
    }
}

/// Writes until the log is done or refuses.
fn use_log(log: &Log, told: &mut Told) -> Result<(), LogError> {
    for n in 0..24 {
        let written = log.append(&record(&format!("key-{n}")))?;
        match n % 4 {
            0 => {
                wait(log.synced(written))?;
                told.synced = written.number() + 1;
            }
            1 => {
                wait(log.anchored(written))?;
                told.anchored = written.number() + 1;
            }
            _ => (),
        }
        if n % 9 == 8 {
            told.notes.push(log.checkpoint()?);
        }
    }
    Ok(())
}

/// A run on a disk that fails after so many operations.
fn run(operations: u64, torn: usize, options: fn() -> Options) -> (Disk, Told) {
    let disk = Disk::default();
    let mut told = Told::default();
    disk.lose_power_after(operations, torn);
    if let Ok((log, _)) = open(&disk, options()) {
        // A refusal is what is expected here.
        let _ = use_log(&log, &mut told);
    }
    (disk, told)
}

/// What is found opens, has everything that was confirmed, is without fault and goes on.
fn opens(disk: &Disk, told: &Told, options: fn() -> Options, what: &str) {
    let (log, opened) = open(disk, options()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let confirmed = told.synced.max(told.anchored);
    assert!(
        opened.size >= confirmed,
        "{what}: {opened:?}, {confirmed} were confirmed"
    );
    let next = loop {
        match log.append(&record("after")) {
            Ok(next) => break next,
            // The oldest segment is being removed.
            Err(LogError::Full) => std::thread::yield_now(),
            Err(error) => panic!("{what}: {error}"),
        }
    };
    wait(log.anchored(next)).unwrap();
    let note = log.checkpoint().unwrap();
    drop(log);
    let mut elsewhere = told.notes.clone();
    elsewhere.push(note);
    let dropped = disk.anchor().unwrap().dropped;
    elsewhere.retain(|note| Checkpoint::of_note(note, &vkey()).unwrap().size >= dropped);
    let report = judge(disk, &elsewhere);
    assert!(
        report.ok() && report.tail_judged && !report.unfinished,
        "{what}: {report:?}"
    );
    let numbers: Vec<_> = lines(disk).iter().map(Line::number).collect();
    let expected: Vec<_> = (dropped..report.size).map(Some).collect();
    assert_eq!(numbers, expected, "{what}");
}

fn at_every_operation(options: fn() -> Options) {
    let (whole, _) = run(u64::MAX, 0, options);
    let most = whole.operations();
    assert!(most > 60, "{most} operations are too few to tell anything");
    for operations in 0..=most {
        for torn in [0, 1, 50] {
            let (disk, told) = run(operations, torn, options);
            for found in FOUND {
                let what = format!("after {operations} of {most}, {torn} bytes of a write, {found:?}");
                opens(&disk.after_power_loss(found), &told, options, &what);
            }
        }
    }
}

#[test]
fn the_end_at_every_operation() {
    at_every_operation(options);
}

#[test]
fn the_end_at_every_operation_of_a_log_that_drops() {
    at_every_operation(dropping);
}

#[test]
fn the_end_at_every_operation_of_opening_after_an_end() {
    let (disk, told) = run(45, 30, options);
    let found = disk.after_power_loss(Found::All);
    let trial = found.copy();
    let before = trial.operations();
    drop(open(&trial, options()).unwrap());
    for operations in 0..=trial.operations() - before {
        for torn in [0, 40] {
            let disk = found.copy();
            disk.lose_power_after(operations, torn);
            drop(open(&disk, options()));
            for again in FOUND {
                let what = format!("opening, after {operations}, {torn}, {again:?}");
                opens(&disk.after_power_loss(again), &told, options, &what);
            }
        }
    }
}

#[test]
fn a_last_write_cut_at_every_byte() {
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    for n in 0..3 {
        write(&log, &format!("key-{n}"));
    }
    let note = log.checkpoint().unwrap();
    drop(log);
    let (log, _) = open(&disk, quiet()).unwrap();
    let anchor = disk.anchor();
    let anchored = disk.bytes("0000000000000000.jsonl").len();
    write(&log, "last");
    write(&log, "very last");
    drop(log);
    let bytes = disk.bytes("0000000000000000.jsonl");
    let ends: Vec<usize> = (anchored..=bytes.len())
        .filter(|end| bytes[end - 1] == b'\n')
        .collect();
    for end in anchored..=bytes.len() {
        let disk = disk.copy();
        disk.set_anchor(anchor.clone());
        disk.put("0000000000000000.jsonl", &bytes[..end]);
        let (log, opened) = open(&disk, quiet()).unwrap();
        let whole = *ends.iter().rfind(|whole| **whole <= end).unwrap();
        let cut = (end - whole) as u64;
        assert_eq!(
            opened.repaired.map_or(0, |repaired| repaired.records),
            cut,
            "{end}"
        );
        drop(log);
        let last = lines(&disk).pop().unwrap().record().unwrap();
        assert_eq!(last.1.event == Event::LogRepaired, cut > 0, "{end}");
        assert!(judge(&disk, std::slice::from_ref(&note)).ok(), "{end}");
    }
}

#[test]
fn a_last_note_cut_at_every_byte() {
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    write(&log, "a");
    log.checkpoint().unwrap();
    drop(log);
    let (anchor, first) = (disk.anchor(), disk.bytes("checkpoints").len());
    let (log, _) = open(&disk, quiet()).unwrap();
    write(&log, "b");
    log.checkpoint().unwrap();
    drop(log);
    let bytes = disk.bytes("checkpoints");
    for end in first..=bytes.len() {
        let disk = disk.copy();
        disk.set_anchor(anchor.clone());
        disk.put("checkpoints", &bytes[..end]);
        let (log, opened) = open(&disk, quiet()).unwrap();
        let cut = if end == bytes.len() {
            0
        } else {
            (end - first) as u64
        };
        assert_eq!(
            opened.repaired.map_or(0, |repaired| repaired.checkpoints),
            cut,
            "{end}"
        );
        log.checkpoint().unwrap();
        drop(log);
        assert!(judge(&disk, &[]).ok(), "{end}");
    }
}
