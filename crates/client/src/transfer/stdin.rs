//! One file from standard input: its size is known only at the end.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use crannog_core::content::CHUNK;
use crannog_core::drive::Attrs;
use tokio::sync::mpsc;

use super::batch::Batch;
use super::file::{FileHead, Target};
use super::seal;
use super::{Flow, Report};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;

/// Reads frames until they end and sends them as one file.
pub(crate) async fn put(
    shared: &Arc<Shared>,
    journal: &Arc<Journal>,
    target: Target,
    attrs: Attrs,
    input: &mut mpsc::Receiver<Bytes>,
    flow: &Arc<Flow>,
    report: &mut Report<'_>,
) -> Result<()> {
    let mut batch = Batch::new(shared, journal, flow);
    batch.begin(FileHead {
        target,
        version: super::fresh_version(),
        attrs,
        size: 0,
        local: None,
        previous: None,
        leaves: Vec::new(),
    });
    let (mut size, mut rest) = (0, Bytes::new());
    loop {
        let chunk = next_chunk(input, &mut rest).await;
        report.check_cancel()?;
        if chunk.is_empty() {
            break;
        }
        let len = chunk.len() as u64;
        let key = shared.hash_key.clone();
        let ready = tokio::task::spawn_blocking(move || seal::seal_ready(&chunk, None, &key));
        batch.chunk(ready.await.map_err(Error::task)??).await?;
        size += len;
        report.moved(0, len);
        if len < CHUNK {
            break;
        }
    }
    batch.end(size);
    batch.finish().await?;
    report.changed.files = 1;
    report.changed.bytes = size;
    Ok(())
}

/// Up to one chunk; shorter only at the end.
async fn next_chunk(input: &mut mpsc::Receiver<Bytes>, rest: &mut Bytes) -> Vec<u8> {
    let full = usize::try_from(CHUNK).unwrap_or(usize::MAX);
    let mut chunk = Vec::new();
    while chunk.len() < full {
        if rest.is_empty() {
            match input.recv().await {
                Some(bytes) => *rest = bytes,
                None => break,
            }
        }
        let take = rest.len().min(full - chunk.len());
        chunk.extend_from_slice(rest.get(..take).unwrap_or_default());
        rest.advance(take);
    }
    chunk
}
