//! Many at once, and a disk that lets them wait.

use std::sync::Arc;
use std::time::Duration;

use crate::folder::fake::Disk;
use crate::world::*;
use crate::*;

#[test]
fn many_appenders_write_one_log() {
    let disk = Disk::default();
    let (log, _) = open(&disk, small()).unwrap();
    let (threads, each) = (16, 50);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let log = &log;
            scope.spawn(move || {
                let mut before = None;
                for n in 0..each {
                    let written = write(log, &format!("{thread}-{n}"));
                    assert!(before < Some(written));
                    before = Some(written);
                }
            });
        }
    });
    drop(log);
    let mut texts: Vec<String> = lines(&disk)
        .iter()
        .map(|line| line.record().unwrap().1.key.unwrap().into_owned())
        .collect();
    let mut expected: Vec<String> = (0..threads)
        .flat_map(|thread| (0..each).map(move |n| format!("{thread}-{n}")))
        .collect();
    texts.sort();
    expected.sort();
    assert_eq!(texts, expected);
    assert!(judge(&disk, &[]).ok());
}

#[test]
fn all_who_wait_share_a_sync() {
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    let before = disk.syncs();
    disk.hang(true);
    let first = log.append(&record("first")).unwrap();
    until(|| disk.hanging() == 1);
    std::thread::scope(|scope| {
        for n in 0..40 {
            let log = &log;
            scope.spawn(move || write(log, &n.to_string()));
        }
        until(|| log.shared.lock().waiters.len() == 40);
        disk.hang(false);
        wait(log.synced(first)).unwrap();
    });
    assert_eq!(disk.syncs() - before, 2);
}

#[test]
fn a_disk_that_does_not_answer_makes_nobody_wait_for_it() {
    let disk = Disk::default();
    let mut options = quiet();
    options.limits.stall = Duration::from_millis(40);
    let (log, _) = open(&disk, options).unwrap();
    disk.hang(true);
    let written = log.append(&record("a")).unwrap();
    assert_eq!(wait(log.synced(written)), Err(LogError::Stalled));
    assert_eq!(wait(log.anchored(written)), Err(LogError::Stalled));
    assert_eq!(log.append(&record("b")), Err(LogError::Stalled));
    assert_eq!(log.checkpoint(), Err(LogError::Stalled));
    assert_eq!(log.read(0, 1).unwrap().len(), 1);

    disk.hang(false);
    until(|| log.append(&record("b")).is_ok());
    wait(log.synced(written)).unwrap();
    drop(log);
    // The checkpoint that nobody waited for any more was made all the same.
    let events = lines(&disk)
        .into_iter()
        .map(|line| line.record().unwrap().1.event);
    assert_eq!(events.filter(|event| *event == Event::Request).count(), 2);
}

#[test]
fn ending_does_not_wait_for_a_disk_that_does_not_answer() {
    let disk = Disk::default();
    let mut options = quiet();
    options.limits.stall = Duration::from_millis(40);
    let (log, _) = open(&disk, options).unwrap();
    disk.hang(true);
    log.append(&record("a")).unwrap();
    until(|| disk.hanging() == 1);
    drop(log);
    disk.hang(false);
}

#[test]
fn no_more_records_than_the_queue_holds_wait_for_a_sync() {
    let disk = Disk::default();
    let mut options = quiet();
    options.limits.queue = 3;
    let (log, _) = open(&disk, options).unwrap();
    disk.hang(true);
    log.append(&record("0")).unwrap();
    until(|| disk.hanging() == 1);
    log.append(&record("1")).unwrap();
    let last = log.append(&record("2")).unwrap();
    assert_eq!(log.append(&record("3")), Err(LogError::Busy));
    disk.hang(false);
    wait(log.synced(last)).unwrap();
    assert_eq!(write(&log, "3").number(), 3);
}

#[test]
fn who_stops_waiting_is_forgotten() {
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    disk.hang(true);
    let written = log.append(&record("0")).unwrap();
    {
        let mut waits = Vec::new();
        for _ in 0..3 {
            waits.push(Box::pin(log.synced(written)));
        }
        let waker = std::task::Waker::noop();
        for wait in &mut waits {
            assert!(
                wait.as_mut()
                    .poll(&mut std::task::Context::from_waker(waker))
                    .is_pending()
            );
        }
        assert_eq!(log.shared.lock().waiters.len(), 3);
    }
    assert_eq!(log.shared.lock().waiters.len(), 0);
    disk.hang(false);
}

#[test]
fn a_follower_is_woken_by_what_is_on_disk() {
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    let log = Arc::new(log);
    let follower = std::thread::spawn({
        let log = Arc::clone(&log);
        move || {
            let mut seen = Vec::new();
            while seen.len() < 5 {
                wait(log.grown(seen.len() as u64)).unwrap();
                seen.extend(log.read(seen.len() as u64, 100).unwrap());
            }
            seen
        }
    });
    for n in 0..5 {
        write(&log, &n.to_string());
    }
    let numbers: Vec<_> = follower
        .join()
        .unwrap()
        .into_iter()
        .map(|line| Line::new(line).number())
        .collect();
    assert_eq!(numbers, (0..5).map(Some).collect::<Vec<_>>());
}

#[test]
fn an_anchor_counts_the_record_before_its_waiter_goes_on() {
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    for n in 1..5 {
        let written = log.append(&record("a")).unwrap();
        wait(log.anchored(written)).unwrap();
        assert_eq!(disk.anchor().unwrap().size, n);
    }
    let counter = disk.anchor().unwrap().counter;
    disk.fail_anchors(true);
    let written = write(&log, "b");
    let denied = LogError::Anchor(std::io::ErrorKind::PermissionDenied);
    assert_eq!(wait(log.anchored(written)), Err(denied));
    disk.fail_anchors(false);
    wait(log.anchored(written)).unwrap();
    assert!(disk.anchor().unwrap().counter > counter);
    assert_eq!(disk.anchor().unwrap().size, 5);
}

#[test]
fn waiting_can_be_moved_between_threads() {
    fn movable<T: Send>(_: &T) {}
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    let written = write(&log, "a");
    movable(&log.synced(written));
    movable(&log.anchored(written));
}
