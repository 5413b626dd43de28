//! Leases of jobs.

use crate::store::{Holder, JobRow, Store};

pub(super) async fn jobs(store: &impl Store) {
    let (one, two) = (Holder([1; 16]), Holder([2; 16]));
    assert!(store.lease_job("a", one, 100, 200).await.unwrap());
    assert!(
        !store.lease_job("a", two, 199, 300).await.unwrap(),
        "it is being done"
    );
    assert!(
        store.lease_job("b", two, 199, 300).await.unwrap(),
        "another job is not"
    );
    assert!(store.lease_job("a", one, 150, 250).await.unwrap(), "made longer");
    assert!(!store.lease_job("a", two, 249, 300).await.unwrap());
    let row = |last_success, lease_until| JobRow {
        name: "a".to_owned(),
        last_run: Some(100),
        last_success,
        lease_until,
    };
    assert_eq!(store.jobs().await.unwrap()[0], row(None, Some(250)));
    store.end_job("a", one, 180, true).await.unwrap();
    assert_eq!(store.jobs().await.unwrap()[0], row(Some(180), None));
    // Who slept through its lease ends nothing.
    assert!(store.lease_job("a", one, 300, 400).await.unwrap());
    assert!(store.lease_job("a", two, 400, 500).await.unwrap(), "it is over");
    assert!(!store.lease_job("a", one, 401, 600).await.unwrap());
    store.end_job("a", one, 402, true).await.unwrap();
    let found = store.jobs().await.unwrap()[0].clone();
    assert_eq!((found.last_success, found.lease_until), (Some(180), Some(500)));
    // A failure keeps the last success.
    store.end_job("a", two, 410, false).await.unwrap();
    let found = store.jobs().await.unwrap()[0].clone();
    assert_eq!(
        (found.last_run, found.last_success, found.lease_until),
        (Some(400), Some(180), None)
    );
    store.end_leases().await.unwrap();
    assert!(store.lease_job("b", one, 200, 300).await.unwrap());
}
