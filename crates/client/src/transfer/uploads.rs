//! Blobs on their way to the server, a few at once.

use std::sync::Arc;

use bytes::Bytes;
use crannog_core::content::Blob;
use crannog_proto::BlobId;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::seal::internal;
use crate::clock;
use crate::db::{StagedPiece, Transfers};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;

/// Blobs under way at once in one transfer.
pub(super) const UPLOADS: usize = 6;

/// The uploads of one entry. Dropping it ends them.
pub(crate) struct Uploads {
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    permits: Arc<Semaphore>,
    tasks: JoinSet<(BlobId, Result<()>)>,
}

impl Uploads {
    pub(crate) fn new(shared: &Arc<Shared>, journal: &Arc<Journal>, permits: &Arc<Semaphore>) -> Self {
        Self {
            shared: Arc::clone(shared),
            journal: Arc::clone(journal),
            permits: Arc::clone(permits),
            tasks: JoinSet::new(),
        }
    }

    /// Sends a blob in the background; waits while too many are under way. `staged` is what it holds, noted for a next attempt. Fails if
    /// an earlier one failed; then this one is not sent.
    pub(crate) async fn send(&mut self, blob: Blob, staged: Vec<StagedPiece>) -> Result<()> {
        while let Some(done) = self.tasks.try_join_next() {
            done.map_err(Error::task)?.1?;
        }
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| internal("uploads have ended"))?;
        let (shared, journal) = (Arc::clone(&self.shared), Arc::clone(&self.journal));
        self.tasks.spawn(async move {
            let id = blob.id();
            let sent = send(&shared, &journal, blob, staged).await;
            drop(permit);
            (id, sent)
        });
        Ok(())
    }

    /// Waits until none is under way; the failure of one that is not `needed` (any more) is passed over.
    pub(crate) async fn join(&mut self, needed: impl Fn(&BlobId) -> bool) -> Result<()> {
        while let Some(done) = self.tasks.join_next().await {
            let (id, sent) = done.map_err(Error::task)?;
            if needed(&id) {
                sent?;
            }
        }
        Ok(())
    }
}

async fn send(
    shared: &Arc<Shared>,
    journal: &Arc<Journal>,
    blob: Blob,
    staged: Vec<StagedPiece>,
) -> Result<()> {
    let id = blob.id();
    shared
        .put_blob(journal, &id, Bytes::from(blob.into_bytes()))
        .await?;
    if staged.is_empty() {
        return Ok(());
    }
    let row = journal.row;
    shared
        .db
        .write(move |tx| Transfers(tx).save_staged(row, &id, clock::now_ms(), &staged))
        .await?;
    Ok(())
}
