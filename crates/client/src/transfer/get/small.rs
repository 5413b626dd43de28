//! Files of less than one chunk, many at a time.

use std::path::PathBuf;
use std::sync::Arc;

use crannog_core::content::{Chunk, Chunks, OpenedPack};
use crannog_core::drive::Version;

use super::super::content::{Fetcher, lied};
use super::super::part::Part;
use super::plan::FileStep;
use super::{Fetchers, fetcher_of};
use crate::error::{Error, Result};

/// A few small files: their packs are fetched, then one thread opens and writes them all.
pub(super) async fn small(
    fetchers: &Fetchers,
    steps: Vec<FileStep>,
    umask: u32,
) -> Result<Vec<(PathBuf, Result<u64>)>> {
    let mut ready = Vec::with_capacity(steps.len());
    for step in steps {
        let source = source(fetcher_of(fetchers, step.drive)?, &step.version).await;
        ready.push((step, source));
    }
    let written = tokio::task::spawn_blocking(move || {
        let one = |(step, source): (FileStep, Result<Bytes>)| {
            let result = source.and_then(|source| write_small(&step, source, umask));
            (step.local, result)
        };
        ready.into_iter().map(one).collect()
    });
    written.await.map_err(Error::task)
}

/// Where the only piece of a small file comes from.
enum Bytes {
    Empty,
    Pack(Arc<OpenedPack>, Chunk),
    Plain(Vec<u8>),
}

async fn source(fetcher: &Fetcher, version: &Version) -> Result<Bytes> {
    let Chunks::Inline(chunks) = &version.content.chunks else {
        return Ok(Bytes::Empty);
    };
    let Some(chunk) = chunks.first() else {
        return Ok(Bytes::Empty);
    };
    match &chunk.slot {
        Some(slot) => Ok(Bytes::Pack(
            fetcher.pack(chunk.blob, &slot.key).await?,
            chunk.clone(),
        )),
        None => Ok(Bytes::Plain(fetcher.chunk(chunk, version.content.size, 0).await?)),
    }
}

fn write_small(step: &FileStep, source: Bytes, umask: u32) -> Result<u64> {
    let size = step.version.content.size;
    let bytes = match source {
        Bytes::Empty => Vec::new(),
        Bytes::Pack(pack, chunk) => pack
            .chunk(&chunk, size, 0)
            .map_err(|check| lied(check, chunk.blob))?,
        Bytes::Plain(bytes) => bytes,
    };
    let part = Part::new(&step.local, step.node, step.version.version)?;
    part.write_at(&bytes, 0)?;
    part.finish(size, step.version.attrs, umask)?;
    Ok(size)
}
