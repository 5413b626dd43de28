//! Blobs on their way to the server, a few at once.

use std::sync::Arc;

use bytes::Bytes;
use crannog_core::content::Blob;
use crannog_proto::BlobId;
use tokio::task::JoinSet;

use super::Flow;
use super::seal::internal;
use crate::clock;
use crate::db::{StagedPiece, Transfers};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;

/// The uploads of one entry. Dropping it ends them.
pub(crate) struct Uploads {
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    flow: Arc<Flow>,
    tasks: JoinSet<(BlobId, Result<()>)>,
}

impl Uploads {
    pub(crate) fn new(shared: &Arc<Shared>, journal: &Arc<Journal>, flow: &Arc<Flow>) -> Self {
        Self {
            shared: Arc::clone(shared),
            journal: Arc::clone(journal),
            flow: Arc::clone(flow),
            tasks: JoinSet::new(),
        }
    }

    /// Sends a blob in the background; waits while too many are under way. `staged` is what it holds, noted for a next attempt. Fails if
    /// an earlier one failed; then this one is not sent.
    pub(crate) async fn send(&mut self, blob: Blob, staged: Vec<StagedPiece>) -> Result<()> {
        while let Some(done) = self.tasks.try_join_next() {
            done.map_err(Error::task)?.1?;
        }
        let permit = Arc::clone(&self.flow.permits)
            .acquire_owned()
            .await
            .map_err(|_| internal("uploads have ended"))?;
        let (shared, journal) = (Arc::clone(&self.shared), Arc::clone(&self.journal));
        let flow = Arc::clone(&self.flow);
        self.tasks.spawn(async move {
            let id = blob.id();
            flow.pass().await;
            let sent = send(&shared, &journal, &flow, blob, staged).await;
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
    flow: &Arc<Flow>,
    blob: Blob,
    staged: Vec<StagedPiece>,
) -> Result<()> {
    let id = blob.id();
    shared
        .put_blob(&flow.transport, journal, &id, Bytes::from(blob.into_bytes()))
        .await?;
    if staged.is_empty() {
        return Ok(());
    }
    let (row, flow) = (journal.row, Arc::clone(flow));
    shared
        .db
        .write(move |tx| match flow.note(tx)? {
            true => Transfers(tx).save_staged(row, &id, clock::now_ms(), &staged),
            false => Ok(()),
        })
        .await?;
    Ok(())
}
