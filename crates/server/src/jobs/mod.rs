//! What runs by itself: at the start, and every hour. Each job holds a lease in the database while it works.

mod run;

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Hour, now_ms};
use crate::http::App;
use crate::store::{Expiring, FileName, StoreError};

pub(crate) use run::{Lease, Ran, backed_up, run};

const EVERY: Duration = Duration::from_secs(3600);

/// Everything that is done regularly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// Renews the certificate of TLS.
    Certificate,
    /// Removes blobs whose grace period is over.
    Collection,
    /// Removes drops that nobody took out.
    Inbox,
    /// Removes invites that ended long ago.
    Invites,
    /// Removes staged blobs whose lease is over.
    Leases,
    /// Removes files that no row names.
    Orphans,
    /// Removes sessions and challenges that have ended.
    Sessions,
}

impl Job {
    /// In the order in which they run: orphans after whatever makes some.
    pub(crate) const ALL: [Self; 7] = [
        Self::Leases,
        Self::Collection,
        Self::Inbox,
        Self::Sessions,
        Self::Invites,
        Self::Orphans,
        Self::Certificate,
    ];

    /// As the operator calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Collection => "collection",
            Self::Inbox => "inbox",
            Self::Invites => "invites",
            Self::Leases => "leases",
            Self::Orphans => "orphans",
            Self::Sessions => "sessions",
        }
    }

    /// By its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.name() == name)
    }
}

/// Why a job did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum JobError {
    /// The store, or the folder of blobs.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No certificate could be made.
    #[error(transparent)]
    Certificate(#[from] crate::ca::CaError),
    /// It took so long that another process took over.
    #[error("the lease was lost")]
    LeaseLost,
}

/// After a crash or a power failure: staged blobs whose file is missing or short are forgotten (whether the rest is
/// sound, its hash tells when an entry names it), and files without a row removed.
pub(crate) async fn after_start(app: &Arc<App>) -> Result<(), StoreError> {
    app.store.end_leases().await?;
    for (journal, file) in app.store.staged().await? {
        let blobs = Arc::clone(&app.blobs);
        let length = blocking(move || blobs.length(&file.name)).await?;
        if length != Some(file.size) {
            app.store.unstage(journal, file).await?;
        }
    }
    for job in Job::ALL {
        match run(app, job).await {
            Err(JobError::Store(error)) => return Err(error),
            Err(error) => {
                tracing::error!(error = %error, job = job.name(), "a job failed at the start; it is tried again in an hour")
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Until the server stops.
pub(crate) async fn hourly(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            // sleep: hourly
            () = tokio::time::sleep(EVERY) => {}
        }
        for job in Job::ALL {
            if let Err(error) = run(&app, job).await {
                tracing::error!(error = %error, job = job.name(), "a job failed; it is tried again in an hour");
            }
        }
    }
}

async fn work(app: &Arc<App>, job: Job, lease: &mut Lease) -> Result<(), JobError> {
    let now = Hour::now();
    match job {
        Job::Leases => expire(app, Expiring::Leases, now).await?,
        Job::Collection => {
            let grace = i64::from(app.config.grace_days) * 24;
            expire(app, Expiring::Dropped, Hour(now.0 - grace)).await?;
        }
        Job::Inbox => expire(app, Expiring::Inboxes, now).await?,
        Job::Sessions => expire(app, Expiring::Sessions, now).await?,
        Job::Invites => expire(app, Expiring::Invites, now).await?,
        Job::Orphans => orphans(app, lease).await?,
        Job::Certificate => {
            if app.identity.renew(now_ms())? {
                tracing::info!("the TLS certificate was renewed");
            }
        }
    }
    Ok(())
}

async fn expire(app: &Arc<App>, what: Expiring, now: Hour) -> Result<(), StoreError> {
    let freed = app.store.expire(what, now).await?;
    app.syncer.forget(&freed);
    remove(app, freed).await
}

/// When a backup has ended, what could not be removed meanwhile. Until the server stops.
pub(crate) async fn after_holds(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = app.blobs.holds().ended() => {}
        }
        if let Err(error) = run(&app, Job::Orphans).await {
            tracing::error!(error = %error, "files held back during a backup could not be removed; the hourly sweep tries again");
        }
    }
}

/// Removes the files that no row names.
async fn orphans(app: &Arc<App>, lease: &mut Lease) -> Result<(), JobError> {
    if app.blobs.holds().active() {
        return Ok(());
    }
    for shard in 0..=u8::MAX {
        lease.renew(app).await?;
        let blobs = Arc::clone(&app.blobs);
        // First the folder, then the rows: what is written in between is in neither.
        let listed = blocking(move || blobs.list(shard)).await?;
        if listed.is_empty() {
            continue;
        }
        let named: HashSet<FileName> = app
            .store
            .files(shard)
            .await?
            .into_iter()
            .map(|file| file.name)
            .collect();
        remove(
            app,
            listed.into_iter().filter(|name| !named.contains(name)).collect(),
        )
        .await?;
    }
    Ok(())
}

async fn remove(app: &Arc<App>, names: Vec<FileName>) -> Result<(), StoreError> {
    let blobs = Arc::clone(&app.blobs);
    blocking(move || {
        blobs.remove(&names);
        Ok(())
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StoreError::Closed)?;
    done.map_err(|error| StoreError::Backend(Box::new(error)))
}
