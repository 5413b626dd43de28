//! Records, segments, checkpoints, anchors as they should be.

use std::sync::mpsc;
use std::time::Duration;

use crate::folder::fake::Disk;
use crate::world::*;
use crate::*;

#[test]
fn records_are_numbered_lines_and_are_there_after_opening_anew() {
    let disk = Disk::default();
    let (log, opened) = open(&disk, small()).unwrap();
    assert_eq!(
        (opened.size, opened.root, opened.repaired),
        (0, Hash::empty(), None)
    );
    for n in 0..20 {
        let written = log.append(&record(&format!("key-{n}"))).unwrap();
        assert_eq!(written.number(), n);
    }
    drop(log);

    let lines = lines(&disk);
    let mut tree = Frontier::new();
    for (n, line) in (0..).zip(&lines) {
        assert_eq!(line.record(), Ok((n, record(&format!("key-{n}")))));
        tree.push(line.leaf());
    }
    assert_eq!(lines.len(), 20);
    let anchor = disk.anchor().unwrap();
    assert_eq!((anchor.size, anchor.tree()), (20, Some(tree.clone())));

    let (log, opened) = open(&disk, small()).unwrap();
    assert_eq!(
        (opened.size, opened.root, opened.after_anchor),
        (20, tree.root(), 0)
    );
    assert_eq!(log.append(&record("more")).unwrap().number(), 20);
    assert_eq!(
        (log.size(), log.dropped(), log.fullness()),
        (21, 0, Fullness::Room)
    );
}

#[test]
fn what_is_read_is_what_was_written_across_segments() {
    let disk = Disk::default();
    let (log, _) = open(&disk, small()).unwrap();
    let written: Vec<String> = (0..3000)
        .map(|n| {
            let text = format!("key-{n}");
            // Each second one is waited for, so that segments end now and then.
            if n % 2 == 0 {
                write(&log, &text)
            } else {
                log.append(&record(&text)).unwrap()
            };
            text
        })
        .collect();
    let names = |from, count| -> Vec<String> {
        let lines = log.read(from, count).unwrap();
        let records = lines.into_iter().map(|line| Line::new(line).record().unwrap());
        records
            .map(|(_, record)| record.key.unwrap().into_owned())
            .collect()
    };
    assert_eq!(names(0, 5000), written);
    for from in [0, 1, 5, 1023, 1024, 1025, 2999] {
        let to = (from + 7).min(written.len());
        assert_eq!(names(from as u64, 7), written[from..to], "{from}");
    }
    assert_eq!(names(3000, 1), [] as [String; 0]);
    assert_eq!(names(u64::MAX, 1), [] as [String; 0]);
    drop(log);

    let (log, _) = open(&disk, small()).unwrap();
    let lines = log.read(1500, 3).unwrap();
    assert_eq!(Line::new(lines[0].clone()).number(), Some(1500));
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_record_that_is_too_long_is_refused_and_leaves_no_gap() {
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    let longest = "x".repeat(MAX_LINE - 26 - 80);
    assert_eq!(log.append(&record(&longest.repeat(2))), Err(LogError::TooLong));
    assert_eq!(log.append(&record(&longest)).map(Written::number), Ok(0));
}

#[test]
fn a_segment_ends_after_a_day_of_records() {
    let disk = Disk::default();
    let mut options = quiet();
    options.limits.segment_age = 1000;
    let (log, _) = open(&disk, options).unwrap();
    let at = |micros| Record::new(Time::from_micros(micros), Event::Request);
    let ended = || log.shared.lock().closed.len();
    for micros in [0, 999, 1000] {
        assert_eq!(ended(), 0);
        wait(log.anchored(log.append(&at(micros)).unwrap())).unwrap();
    }
    until(|| ended() == 1);
    log.append(&at(1001)).unwrap();
    drop(log);
    let begin: Vec<u64> = lines(&disk).iter().filter_map(|line| line.segment).collect();
    assert_eq!(begin, [0, 3]);
}

#[test]
fn a_checkpoint_is_signed_noted_and_told() {
    let disk = Disk::default();
    let (told, hears) = mpsc::channel();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut options = quiet();
    options.checkpoint_dir = Some(elsewhere.path().to_owned());
    options.on_checkpoint = Some(Box::new(move |note: &SignedNote| {
        told.send(note.clone()).unwrap()
    }));
    let (log, _) = open(&disk, options).unwrap();
    let empty = log.checkpoint().unwrap();
    assert_eq!(Checkpoint::of_note(&empty, &vkey()).unwrap().root, Hash::empty());
    write(&log, "a");
    let note = log.checkpoint().unwrap();
    let checkpoint = Checkpoint::of_note(&note, log.verifier_key()).unwrap();
    let root = lines(&disk)[..2].iter().fold(Frontier::new(), |mut tree, line| {
        tree.push(line.leaf());
        tree
    });
    assert_eq!((checkpoint.size, checkpoint.root), (2, root.root()));
    assert_eq!(
        (hears.recv().unwrap(), hears.recv().unwrap()),
        (empty.clone(), note.clone())
    );
    let file = std::fs::read(elsewhere.path().join("2.checkpoint")).unwrap();
    assert_eq!(SignedNote::parse(&file).unwrap(), note);
    assert_eq!(notes(&disk), [empty, note]);
    let (n, event) = lines(&disk)[2].record().unwrap();
    assert_eq!((n, event.event), (2, Event::Checkpoint));
    let detail = Detail::default()
        .number("size", 2)
        .text("root", checkpoint.root.to_string());
    assert_eq!(event.detail, Some(detail));
}

#[test]
fn checkpoints_come_by_number_and_by_age() {
    for (records, age) in [(10, Duration::from_hours(1)), (10_000, Duration::ZERO)] {
        let disk = Disk::default();
        let (told, hears) = mpsc::channel();
        let mut options = quiet();
        (options.limits.checkpoint_records, options.limits.checkpoint_age) = (records, age);
        options.on_checkpoint = Some(Box::new(move |note: &SignedNote| {
            told.send(note.clone()).unwrap()
        }));
        let (log, _) = open(&disk, options).unwrap();
        for _ in 0..10 {
            log.append(&record("a")).unwrap();
        }
        let checkpoint = Checkpoint::of_note(&hears.recv().unwrap(), &vkey()).unwrap();
        assert!((1..=10).contains(&checkpoint.size));
        drop(log);
        assert!(judge(&disk, &[]).ok());
    }
}

#[test]
fn a_real_folder_holds_files_that_others_cannot_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let anchors = Disk::default();
    let at = |options| {
        Log::open(
            dir.path(),
            ORIGIN,
            Box::new(Signer::new(1)),
            Box::new(anchors.clone()),
            options,
        )
    };
    let (log, _) = at(small()).unwrap();
    for n in 0..50 {
        write(&log, &n.to_string());
    }
    let note = log.checkpoint().unwrap();
    drop(log);
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let (vkey, anchor) = (vkey(), anchors.anchor());
    let evidence = Evidence {
        vkey: &vkey,
        anchor: anchor.as_ref(),
        notes: std::slice::from_ref(&note),
        elsewhere: std::slice::from_ref(&note),
    };
    let report = verify(Segments::open(dir.path()).unwrap(), &evidence);
    assert_eq!((report.ok(), report.size), (true, 51), "{report:?}");
    assert!(
        Segments::open(dir.path())
            .unwrap()
            .filter(|line| line.as_ref().unwrap().segment.is_some())
            .count()
            > 3
    );
    let (log, opened) = at(small()).unwrap();
    assert_eq!(opened.size, 51);
    assert_eq!(log.read(50, 9).unwrap().len(), 1);
}
