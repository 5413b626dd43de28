//! A disk that fails.

use crate::folder::fake::{Disk, Found};
use crate::world::*;
use crate::*;

#[test]
fn after_a_sync_that_failed_nothing_is_taken_until_the_log_is_opened_anew() {
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    write(&log, "a");
    disk.fail_syncs();
    let written = log.append(&record("b")).unwrap();
    assert_eq!(wait(log.synced(written)), Err(LogError::Failed));
    assert_eq!(wait(log.anchored(written)), Err(LogError::Failed));
    assert_eq!(log.append(&record("c")), Err(LogError::Failed));
    assert_eq!(log.checkpoint(), Err(LogError::Failed));
    drop(log);
    let (_, opened) = open(&disk.after_power_loss(Found::Nothing), quiet()).unwrap();
    assert_eq!(opened.size, 1);
}

#[test]
fn nothing_is_signed_that_is_not_on_disk() {
    let disk = Disk::default();
    let (log, _) = open(&disk, quiet()).unwrap();
    disk.fail_syncs();
    log.append(&record("a")).unwrap();
    assert_eq!(log.checkpoint(), Err(LogError::Failed));
    drop(log);
    assert_eq!(notes(&disk), []);
}
