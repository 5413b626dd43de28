//! Packs of which less than half is named any more are packed anew, without opening what lies in them (`docs/spec/drive.md`, Repacking).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crannog_agent_api::Code;
use crannog_core::content::{Chunk, Chunks, Content, SealedPiece};
use crannog_proto::BlobId;

use crate::db::{MostlyDead, Packed};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::{Batch, Fetcher, FileHead, Flow, Target, lied};

/// Pieces that are moved in one go, about: so many versions are in memory.
const PIECES: u64 = 16_384;

/// What the shortest pack has, padding included (`docs/spec/drive.md`, Content).
const PADDED: u64 = 4_096;

impl Shared {
    /// Packs anew until nothing is left that this account could move.
    pub(crate) async fn repack(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let account = self.identity.account;
        // What others named too stays half dead until they go.
        let mut looked_at = BTreeSet::new();
        loop {
            let left = looked_at.clone();
            let found = self.with_drive(journal, move |drive| {
                let dead = drive.mostly_dead(&left, PIECES)?;
                if !is_worth_it(&dead) {
                    return Ok(None);
                }
                let versions = drive.packed_in(&dead.packs, &account)?;
                Ok(Some((dead.packs, versions)))
            });
            let Some((packs, versions)) = found.await? else {
                return Ok(());
            };
            self.repack_some(journal, &packs, versions).await?;
            looked_at.extend(packs.into_keys());
        }
    }

    async fn repack_some(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        packs: &BTreeMap<BlobId, u64>,
        versions: Vec<Packed>,
    ) -> Result<()> {
        let flow = Flow::plain(self);
        let fetcher = Fetcher::over(self, journal, &flow);
        let mut batch = Batch::new(self, journal, &flow);
        for Packed { node, version } in versions {
            let parts = match parts(&fetcher, &version.content, packs).await {
                Ok(parts) => parts,
                // Whoever reads it is told; here it stays where it is, and the others move.
                Err(error) if is_of_content(&error) => continue,
                Err(error) => return Err(error),
            };
            let head = FileHead {
                target: Target::Repack { node },
                version: version.version,
                attrs: version.attrs,
                size: version.content.size,
                local: None,
                previous: None,
                leaves: Vec::new(),
            };
            if parts.iter().any(|(_, piece)| piece.is_some()) {
                batch.repack(head, parts).await?;
            }
            if batch.is_full_between_files() {
                let full = std::mem::replace(&mut batch, Batch::new(self, journal, &flow));
                self.finish_repacked(journal, full).await?;
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.finish_repacked(journal, batch).await
    }

    /// What the server acknowledged says which contents went: another device may have moved some of them meanwhile.
    async fn finish_repacked(self: &Arc<Self>, journal: &Arc<Journal>, batch: Batch) -> Result<()> {
        let moved = batch.finish().await?.applied;
        let gone = moved.into_iter().flat_map(|applied| applied.removed).collect();
        self.drop_contents(journal, gone).await
    }
}

/// Whether new packs would be at most half as long. Where there is only a little of everything, the padding of the new one eats up what
/// the old ones free.
fn is_worth_it(dead: &MostlyDead) -> bool {
    let padded = |bytes: u64| bytes.max(PADDED);
    !dead.packs.is_empty() && padded(dead.live) * 2 <= dead.bytes.max(dead.packs.len() as u64 * PADDED)
}

/// The chunks of a content; those that lie in one of the packs with their pieces.
async fn parts(
    fetcher: &Fetcher,
    content: &Content,
    packs: &BTreeMap<BlobId, u64>,
) -> Result<Vec<(Chunk, Option<SealedPiece>)>> {
    let Chunks::Inline(chunks) = &content.chunks else {
        return Ok(Vec::new());
    };
    let mut parts = Vec::with_capacity(chunks.len());
    for (index, chunk) in (0..).zip(chunks) {
        let piece = match (&chunk.slot, packs.get(&chunk.blob)) {
            (Some(slot), Some(live)) => {
                let pack = fetcher.pack(chunk.blob, &slot.key).await?;
                let taken = pack.take(chunk, content.size, index);
                let taken = taken.map_err(|check| lied(check, chunk.blob))?;
                // A member may say of a pack that it is longer than it is.
                (live.saturating_mul(2) < pack.len()).then_some(taken)
            }
            _ => None,
        };
        parts.push((chunk.clone(), piece));
    }
    Ok(parts)
}

/// Whether one content cannot be had, rather than all of them.
fn is_of_content(error: &Error) -> bool {
    match error {
        Error::Lied { .. } => true,
        Error::User(failure) => failure.code == Code::Lost,
        _ => false,
    }
}
