//! Doing a job under its lease.

use std::sync::Arc;

use aws_lc_rs::rand;

use super::{Job, JobError, work};
use crate::clock::Hour;
use crate::http::App;
use crate::store::{Holder, StoreError};

/// Seconds that a lease has at least; it ends at a full hour, as all times on disk.
const LENGTH: u64 = 15 * 60;
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
    until: Hour,
}

impl Lease {
    async fn take(app: &App, name: &'static str) -> Result<Option<Self>, StoreError> {
        let mut holder = Holder([0; 16]);
        rand::fill(&mut holder.0).map_err(|error| StoreError::Backend(Box::new(error)))?;
        let until = Hour::after(LENGTH);
        let taken = app.store.lease_job(name, holder, Hour::now(), until).await?;
        Ok(taken.then_some(Self { name, holder, until }))
    }

    /// To be called now and then by what takes long.
    pub(super) async fn renew(&mut self, app: &App) -> Result<(), JobError> {
        let until = Hour::after(LENGTH);
        if until <= self.until {
            return Ok(());
        }
        if !app
            .store
            .lease_job(self.name, self.holder, Hour::now(), until)
            .await?
        {
            return Err(JobError::LeaseLost);
        }
        self.until = until;
        Ok(())
    }
}

/// Does a job, unless somebody is doing it.
pub(crate) async fn run(app: &Arc<App>, job: Job) -> Result<Ran, JobError> {
    let Some(mut lease) = Lease::take(app, job.name()).await? else {
        return Ok(Ran::Busy);
    };
    let done = work(app, job, &mut lease).await;
    app.store
        .end_job(lease.name, lease.holder, Hour::now(), done.is_ok())
        .await?;
    done.map(|()| Ran::Done)
}

/// Somebody else made a backup.
pub(crate) async fn backed_up(app: &App) -> Result<(), StoreError> {
    match Lease::take(app, BACKUP).await? {
        Some(lease) => app.store.end_job(BACKUP, lease.holder, Hour::now(), true).await,
        None => Ok(()),
    }
}
