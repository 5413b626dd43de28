//! What runs by itself: at the start, and every hour.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Hour, now_ms};
use crate::http::App;
use crate::store::{FileName, StoreError};

const EVERY: Duration = Duration::from_secs(3600);

/// After a crash or a power failure: staged blobs whose file is missing or short are forgotten (whether the rest is
/// sound, its hash tells when an entry names it), and files without a row removed.
pub(crate) async fn after_start(app: &Arc<App>) -> Result<(), StoreError> {
    for (journal, file) in app.store.staged().await? {
        let blobs = Arc::clone(&app.blobs);
        let length = blocking(move || blobs.length(&file.name)).await?;
        if length != Some(file.size) {
            app.store.unstage(journal, file).await?;
        }
    }
    sweep(app).await
}

/// Until the server stops.
pub(crate) async fn hourly(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            // sleep: hourly
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Err(error) = sweep(&app).await {
            tracing::error!(error = %error, "the hourly sweep failed; the next one tries again");
        }
        match app.identity.renew(now_ms()) {
            Ok(true) => tracing::info!("the TLS certificate was renewed"),
            Ok(false) => {}
            Err(error) => tracing::error!(error = %error, "the TLS certificate could not be renewed"),
        }
    }
}

/// Forgets what has expired, and removes the files of it and all orphans.
pub(crate) async fn sweep(app: &Arc<App>) -> Result<(), StoreError> {
    let now = Hour::now();
    let grace = Hour(now.0 - i64::from(app.config.grace_days) * 24);
    let freed = app.store.sweep(now, grace).await?;
    app.syncer.forget(&freed);
    remove(app, freed).await?;
    orphans(app).await
}

/// When a backup has ended, what could not be removed meanwhile. Until the server stops.
pub(crate) async fn after_holds(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = app.blobs.holds().ended() => {}
        }
        if let Err(error) = orphans(&app).await {
            tracing::error!(error = %error, "files held back during a backup could not be removed; the hourly sweep tries again");
        }
    }
}

/// Removes the files that no row names.
async fn orphans(app: &Arc<App>) -> Result<(), StoreError> {
    if app.blobs.holds().active() {
        return Ok(());
    }
    for shard in 0..=u8::MAX {
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
