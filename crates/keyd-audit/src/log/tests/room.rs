//! A disk, or a log, that is full.

use crate::folder::fake::{Disk, Found};
use crate::world::*;
use crate::*;

/// Appends until the log refuses: how many it took.
fn fill(log: &Log) -> (u64, LogError) {
    loop {
        if let Err(error) = log.append(&record("fill")) {
            return (log.size(), error);
        }
        assert!(log.size() < 10_000, "the log never refuses");
    }
}

#[test]
fn a_full_disk_is_said_and_leaves_no_torn_record() {
    for space in (0..900).step_by(7) {
        let disk = Disk::default();
        let mut options = quiet();
        (options.limits.last, options.limits.reserve) = (0, 0);
        let (log, _) = open(&disk, options).unwrap();
        write(&log, "a");
        disk.set_space(Some(500 + space));
        let (size, error) = fill(&log);
        assert_eq!(error, LogError::Full);
        assert_eq!(log.append(&record("fill")), Err(LogError::Full));
        // What is shorter than what was written of the last one must not leave its end behind.
        disk.set_space(None);
        let next = write(&log, "");
        assert_eq!(next.number(), size);
        drop(log);
        let report = judge(&disk, &[]);
        assert!(report.ok() && !report.unfinished, "{space}: {report:?}");
    }
}

#[test]
fn a_crash_on_a_full_disk_opens_when_there_is_room() {
    for space in (0..200).step_by(3) {
        let disk = Disk::default();
        let mut options = quiet();
        (options.limits.last, options.limits.reserve) = (0, 0);
        let (log, _) = open(&disk, options).unwrap();
        let anchor = disk.anchor();
        write(&log, "a");
        disk.set_space(Some(500 + space));
        fill(&log);
        let crashed = disk.after_power_loss(Found::All);
        crashed.set_anchor(anchor);
        drop(log);
        write(&open(&crashed, quiet()).unwrap().0, "b");
        assert!(judge(&crashed, &[]).ok(), "{space}");
    }
}

#[test]
fn a_log_says_when_it_runs_low_and_when_it_is_full_and_has_room_again() {
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    assert_eq!(log.fullness(), Fullness::Room);
    drop(log);
    disk.set_space(Some(2000));
    let (log, _) = open(&disk, quiet()).unwrap();
    assert_eq!(log.fullness(), Fullness::Room);
    while log.fullness() == Fullness::Room {
        write(&log, "a");
        log.checkpoint().unwrap();
    }
    assert_eq!(log.fullness(), Fullness::Low);
    while log.fullness() == Fullness::Low {
        write(&log, "a");
        log.checkpoint().unwrap();
    }
    assert_eq!(
        (log.fullness(), log.append(&record("b"))),
        (Fullness::Full, Err(LogError::Full))
    );
    disk.set_space(Some(100_000));
    write(&log, "b");
    log.checkpoint().unwrap();
    assert_eq!(log.fullness(), Fullness::Room);
}

#[test]
fn a_log_never_grows_beyond_what_was_set() {
    let disk = Disk::default();
    let mut options = small();
    options.max_size = 2000;
    let (log, _) = open(&disk, options).unwrap();
    let (_, error) = fill(&log);
    assert_eq!((error, log.fullness()), (LogError::Full, Fullness::Full));
    drop(log);
    let bytes: usize = lines(&disk).iter().map(|line| line.bytes.len() + 1).sum();
    assert!((2400..2600).contains(&bytes), "{bytes}");
    assert!(judge(&disk, &[]).ok());
}

#[test]
fn a_log_that_drops_keeps_its_newest_records_and_can_be_verified() {
    let disk = Disk::default();
    let options = Options {
        max_size: 3000,
        when_full: WhenFull::DropOldest,
        ..small()
    };
    let (log, _) = open(&disk, options).unwrap();
    let mut elsewhere = Vec::new();
    for n in 0..200 {
        // While the oldest segment is being removed the log may be full for a moment.
        while log.append(&record(&format!("key-{n}"))).is_err() {
            std::thread::yield_now();
        }
        if n % 50 == 0 {
            elsewhere.push(log.checkpoint().unwrap());
        }
    }
    elsewhere.push(log.checkpoint().unwrap());
    while log.dropped() == 0 {
        std::thread::yield_now();
    }
    let (dropped, size) = (log.dropped(), log.size());
    assert_eq!(log.read(0, 1).unwrap(), [] as [String; 0]);
    assert!(!log.read(size - 1, 1).unwrap().is_empty());
    drop(log);
    assert!(dropped <= disk.anchor().unwrap().dropped);
    let bytes: usize = lines(&disk).iter().map(|line| line.bytes.len() + 1).sum();
    assert!(bytes < 3000 + 600 + 400, "{bytes}");
    let report = judge(&disk, &elsewhere);
    assert!(report.ok() && report.tail_judged, "{report:?}");
    let told = lines(&disk)
        .iter()
        .any(|line| line.record().unwrap().1.event == Event::SegmentDropped);
    assert!(told);
    assert_eq!(open(&disk, small()).unwrap().1.repaired, None);
}
