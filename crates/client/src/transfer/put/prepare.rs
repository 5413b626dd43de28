//! Small files are read and sealed by threads, ahead of the line.

use std::collections::HashMap;
use std::sync::Arc;

use crannog_core::content::{CHUNK, Chunks, OpenedLeaf};
use crannog_core::drive::Version;

use super::super::content::Fetcher;
use super::super::groups::Group;
use super::super::seal::{self, Known, ReadyChunk, Source};
use super::lane::Ground;
use super::plan::{FileStep, Step};
use crate::db::{StagedPiece, Transfers};
use crate::error::{Error, Result};
use crate::shared::Shared;

/// Pieces that the server has staged, by local path.
pub(super) type Staged = HashMap<Vec<u8>, Vec<StagedPiece>>;

/// What is known of each drive, by local numbers.
pub(super) type Grounds = HashMap<i64, Ground>;

/// Steps as they leave the grouping stage.
pub(super) enum Unit {
    Small(Vec<Prepared>),
    Large(Box<FileStep>),
    Other(Step),
}

pub(super) struct Prepared {
    pub(super) step: FileStep,
    pub(super) leaves: Vec<OpenedLeaf>,
    pub(super) chunks: Result<Vec<ReadyChunk>>,
}

pub(super) async fn prepare(shared: &Arc<Shared>, grounds: &Grounds, group: Group<Step>) -> Result<Unit> {
    let steps = match group {
        Group::One(Step::File(step)) => return Ok(Unit::Large(step)),
        Group::One(other) => return Ok(Unit::Other(other)),
        Group::Small(steps) => steps,
    };
    let mut work = Vec::with_capacity(steps.len());
    for step in steps {
        let ground = grounds
            .get(&step.drive)
            .ok_or_else(|| seal::internal("a step for another drive"))?;
        let (known, leaves) = known(shared, ground, &step).await?;
        work.push((
            Source {
                path: step.local.clone(),
                stamp: step.stamp,
                known,
            },
            leaves,
            step,
        ));
    }
    let key = shared.hash_key.clone();
    let sealed = tokio::task::spawn_blocking(move || {
        let mut buffer = Vec::new();
        let one = |(source, leaves, step)| {
            let chunks = seal::ready_file(&source, &key, &mut buffer);
            Prepared { step, leaves, chunks }
        };
        work.into_iter().map(one).collect()
    });
    Ok(Unit::Small(sealed.await.map_err(Error::task)?))
}

/// Chunks that need not be sent: those of the version before with the same keyed hash at the same place, and those that are staged.
pub(super) async fn known(
    shared: &Arc<Shared>,
    ground: &Ground,
    step: &FileStep,
) -> Result<(Known, Vec<OpenedLeaf>)> {
    use std::os::unix::ffi::OsStrExt;
    let mut known = Known::new();
    let leaves = match &step.previous {
        // Nobody polls this while a large file is under way, so it must not wait for the network; and no chunk of a file with lists is as
        // short as the only one of a small file.
        Some(Version { content, .. })
            if step.stamp.size < CHUNK && matches!(content.chunks, Chunks::Leaves(_)) =>
        {
            Vec::new()
        }
        Some(previous) => add_previous(shared, &ground.fetcher, previous, &mut known).await?,
        None => Vec::new(),
    };
    let pieces = ground.staged.get(step.local.as_os_str().as_bytes());
    for piece in pieces
        .into_iter()
        .flatten()
        .filter(|piece| piece.stamp == step.stamp)
    {
        known.insert(piece.place, (piece.hash, piece.chunk.clone()));
    }
    Ok((known, leaves))
}

async fn add_previous(
    shared: &Arc<Shared>,
    fetcher: &Fetcher,
    previous: &Version,
    known: &mut Known,
) -> Result<Vec<OpenedLeaf>> {
    // The hashes are of what this device sent: another account may give a version that id and other bytes.
    if previous.account != shared.identity.account {
        return Ok(Vec::new());
    }
    let version = previous.version;
    let hashes = shared.db.read(move |c| Transfers(c).hashes(&version)).await?;
    let Some(hashes) = hashes else {
        return Ok(Vec::new());
    };
    let leaves = match &previous.content.chunks {
        Chunks::Inline(chunks) => {
            known.extend((0..).zip(hashes.into_iter().zip(chunks.iter().cloned())));
            return Ok(Vec::new());
        }
        Chunks::Leaves(_) => fetcher.leaves(&previous.content).await?,
    };
    let chunks = leaves.iter().flat_map(|leaf| leaf.chunks.iter().cloned());
    known.extend((0..).zip(hashes.into_iter().zip(chunks)));
    Ok(leaves)
}
