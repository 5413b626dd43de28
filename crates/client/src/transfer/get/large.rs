//! Files of several chunks, one at a time.

use std::sync::Arc;

use crannog_core::content::{CHUNK, Chunk, chunk_len};
use futures_util::{StreamExt, TryStreamExt};

use super::super::content::Fetcher;
use super::super::part::Part;
use super::super::seal::internal;
use super::super::{Flow, Report, local};
use super::plan::FileStep;
use crate::db::{ChunkHash, Transfers};
use crate::error::{Error, Result};
use crate::shared::Shared;

/// Chunks under way at once.
const CHUNKS: usize = 8;

/// A large file: chunks in parallel into a part file, which survives an interruption.
pub(super) async fn large(
    shared: &Arc<Shared>,
    flow: &Arc<Flow>,
    fetcher: &Fetcher,
    step: FileStep,
    umask: u32,
    report: &Report<'_>,
) -> Result<u64> {
    let size = step.version.content.size;
    let place = Part::path(&step.local, step.node, step.version.version);
    local::has_room(&step.local, &place, size)?;
    let chunks = fetcher.chunks(&step.version.content);
    flow.part_begins(&place);
    let part = Arc::new(Part::resumable(&step.local, step.node, step.version.version)?);
    let key = part.key();
    let have = present(shared, &part, size).await?;
    let fetch = |found: Result<(u64, Chunk)>| {
        let (part, shared, key) = (Arc::clone(&part), Arc::clone(shared), key.clone());
        let flow = Arc::clone(flow);
        let known = found.as_ref().is_ok_and(|(index, _)| have.contains(index));
        async move {
            let ((index, chunk), have) = (found?, known);
            let len = chunk_len(size, index).unwrap_or(0);
            if !have {
                let bytes = fetcher.chunk(&chunk, size, index).await?;
                let hash_key = shared.hash_key.clone();
                let written = tokio::task::spawn_blocking(move || {
                    part.write_at(&bytes, index * CHUNK)?;
                    Ok::<ChunkHash, Error>(hash_key.hash(&bytes))
                });
                let hash = written.await.map_err(Error::task)??;
                shared
                    .db
                    .write(move |tx| match flow.note(tx)? {
                        true => Transfers(tx).save_fetched(&key, index, &hash),
                        false => Ok(()),
                    })
                    .await?;
            }
            Ok::<u64, Error>(len)
        }
    };
    let mut lens = Box::pin(chunks.map(fetch).buffer_unordered(CHUNKS));
    while let Some(len) = lens.try_next().await? {
        report.moved(0, len);
        report.check_cancel()?;
    }
    drop(lens);
    let attrs = step.version.attrs;
    let finished = tokio::task::spawn_blocking(move || match Arc::into_inner(part) {
        Some(part) => part.finish(size, attrs, umask),
        None => Err(internal("a part file is still in use")),
    });
    finished.await.map_err(Error::task)??;
    flow.part_ends(&place);
    shared
        .db
        .write(move |tx| Transfers(tx).forget_fetched(&key))
        .await?;
    Ok(size)
}

/// The chunks that an earlier attempt left in the part file: those whose bytes still have the hash that was noted.
async fn present(shared: &Arc<Shared>, part: &Arc<Part>, size: u64) -> Result<Vec<u64>> {
    let key = part.key();
    let noted = shared.db.read(move |c| Transfers(c).fetched(&key)).await?;
    let (part, hash_key) = (Arc::clone(part), shared.hash_key.clone());
    let found = tokio::task::spawn_blocking(move || {
        let mut buffer = Vec::new();
        let mut holds = |(index, hash): &(u64, ChunkHash)| {
            let len = chunk_len(size, *index).unwrap_or(0);
            buffer.resize(usize::try_from(len).unwrap_or(0), 0);
            part.read_at(&mut buffer, index * CHUNK).is_ok() && hash_key.hash(&buffer) == *hash
        };
        noted
            .into_iter()
            .filter(|noted| holds(noted))
            .map(|(index, _)| index)
            .collect()
    });
    found.await.map_err(Error::task)
}
