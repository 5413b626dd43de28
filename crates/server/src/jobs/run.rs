//! Doing a job under its lease.

use std::sync::Arc;

use aws_lc_rs::rand;

use super::{Job, JobError, work};
use crate::clock::now_ms;
use crate::http::App;
use crate::store::{Holder, StoreError};

/// Seconds that a lease outlives a process that died with it.
const LENGTH: i64 = 15 * 60;
/// Seconds before its end at which a lease is renewed.
const RENEW: i64 = 10 * 60;
/// Not done by this program itself, but listed with the rest.
const BACKUP: &str = "backup";

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It was done.
    Done,
    /// Somebody is doing it at this moment.
    Busy,
}

/// The right to do a job.
#[derive(Debug)]
pub(crate) struct Lease {
    name: &'static str,
    holder: Holder,
    until: std::sync::atomic::AtomicI64,
}

impl Lease {
    async fn take(app: &App, name: &'static str) -> Result<Option<Self>, StoreError> {
        let mut holder = Holder([0; 16]);
        rand::fill(&mut holder.0).map_err(|error| StoreError::Backend(Box::new(error)))?;
        let now = seconds();
        let until = now + LENGTH;
        let taken = app.store.lease_job(name, holder, now, until).await?;
        Ok(taken.then(|| Self {
            name,
            holder,
            until: until.into(),
        }))
    }

    /// To be called now and then by what takes long.
    pub(super) async fn renew(&self, app: &App) -> Result<(), JobError> {
        use std::sync::atomic::Ordering;
        let now = seconds();
        if self.until.load(Ordering::Relaxed) - now > RENEW {
            return Ok(());
        }
        let until = now + LENGTH;
        if !app.store.lease_job(self.name, self.holder, now, until).await? {
            return Err(JobError::LeaseLost);
        }
        self.until.store(until, Ordering::Relaxed);
        Ok(())
    }
}

/// Does a job, unless somebody is doing it.
pub(crate) async fn run(app: &Arc<App>, job: Job) -> Result<Ran, JobError> {
    let Some(lease) = Lease::take(app, job.name()).await? else {
        return Ok(Ran::Busy);
    };
    let done = work(app, job, &lease).await;
    app.store
        .end_job(lease.name, lease.holder, seconds(), done.is_ok())
        .await?;
    done.map(|()| Ran::Done)
}

/// Somebody else made a backup.
pub(crate) async fn backed_up(app: &App) -> Result<(), StoreError> {
    match Lease::take(app, BACKUP).await? {
        Some(lease) => app.store.end_job(BACKUP, lease.holder, seconds(), true).await,
        None => Ok(()),
    }
}

fn seconds() -> i64 {
    now_ms().div_euclid(1000)
}
