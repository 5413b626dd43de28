//! A content of one drive into another: opened, and sealed anew under fresh keys. A few chunks are in memory at a time.

use std::sync::Arc;

use crannog_core::content::Content;
use futures_util::StreamExt;

use super::Report;
use super::batch::Batch;
use super::content::{Fetcher, pieces};
use super::file::FileHead;
use super::seal;
use crate::error::{Error, Result};
use crate::shared::Shared;

/// Adds the file to the batch; of one that cannot be read to its end nothing is added.
pub(crate) async fn reseal(
    shared: &Arc<Shared>,
    fetcher: &Fetcher,
    content: &Content,
    head: FileHead,
    batch: &mut Batch,
    report: &Report<'_>,
) -> Result<()> {
    batch.begin(head);
    let sent = send(shared, fetcher, content, batch, report).await;
    match &sent {
        Ok(()) => batch.end(content.size),
        Err(_) => batch.abandon(),
    }
    sent
}

async fn send(
    shared: &Arc<Shared>,
    fetcher: &Fetcher,
    content: &Content,
    batch: &mut Batch,
    report: &Report<'_>,
) -> Result<()> {
    let mut pieces = Box::pin(pieces(fetcher, content)?);
    while let Some(piece) = pieces.next().await {
        report.check_cancel()?;
        let (piece, key) = (piece?, shared.hash_key.clone());
        let len = piece.len() as u64;
        let ready = tokio::task::spawn_blocking(move || seal::seal_ready(&piece, None, &key));
        batch.chunk(ready.await.map_err(Error::task)??).await?;
        report.moved(0, len);
    }
    Ok(())
}
