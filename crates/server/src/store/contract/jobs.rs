//! Leases of jobs.

use crate::clock::Hour;
use crate::store::{Holder, JobRow, Store};

pub(super) async fn jobs(store: &impl Store) {
    let (one, two) = (Holder([1; 16]), Holder([2; 16]));
    assert!(store.lease_job("a", one, Hour(100), Hour(200)).await.unwrap());
    assert!(
        !store.lease_job("a", two, Hour(199), Hour(300)).await.unwrap(),
        "it is being done"
    );
    assert!(
        store.lease_job("b", two, Hour(199), Hour(300)).await.unwrap(),
        "another job is not"
    );
    assert!(
        store.lease_job("a", one, Hour(150), Hour(250)).await.unwrap(),
        "made longer"
    );
    assert!(!store.lease_job("a", two, Hour(249), Hour(300)).await.unwrap());
    let row = |last_success, lease_until| JobRow {
        name: "a".to_owned(),
        last_run: Some(Hour(100)),
        last_success,
        lease_until,
    };
    assert_eq!(store.jobs().await.unwrap()[0], row(None, Some(Hour(250))));
    store.end_job("a", one, Hour(180), true).await.unwrap();
    assert_eq!(store.jobs().await.unwrap()[0], row(Some(Hour(180)), None));
    // Who slept through its lease ends nothing.
    assert!(store.lease_job("a", one, Hour(300), Hour(400)).await.unwrap());
    assert!(
        store.lease_job("a", two, Hour(400), Hour(500)).await.unwrap(),
        "it is over"
    );
    assert!(!store.lease_job("a", one, Hour(401), Hour(600)).await.unwrap());
    store.end_job("a", one, Hour(402), true).await.unwrap();
    let found = store.jobs().await.unwrap()[0].clone();
    assert_eq!(
        (found.last_success, found.lease_until),
        (Some(Hour(180)), Some(Hour(500)))
    );
    // A failure keeps the last success.
    store.end_job("a", two, Hour(410), false).await.unwrap();
    let found = store.jobs().await.unwrap()[0].clone();
    assert_eq!(
        (found.last_run, found.last_success, found.lease_until),
        (Some(Hour(400)), Some(Hour(180)), None)
    );
    store.end_leases().await.unwrap();
    assert!(store.lease_job("b", one, Hour(200), Hour(300)).await.unwrap());
}
