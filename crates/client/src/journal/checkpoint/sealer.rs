//! Segments on their way into blobs: whole chunks go as they are, tails share packs.

use std::sync::Arc;

use crannog_core::content::{Chunk, PackBuilder, SealedChunk, SealedPiece, build_content, seal_chunk};
use crannog_core::drive::Segment;
use crannog_proto::{Hash, labels, limits};

use super::super::Journal;
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::transfer::{Flow, Uploads, internal};

/// A segment's plaintext.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) after: u64,
    pub(super) to: u64,
    pub(super) records: u64,
    pub(super) bytes: Vec<u8>,
}

/// Where a chunk lies, as far as that is known.
enum Placed {
    At(Chunk),
    InPack { pack: usize, index: usize },
}

/// A segment whose last pack may still be open.
struct Pending {
    after: u64,
    to: u64,
    records: u64,
    size: u64,
    hash: Hash,
    chunks: Vec<Placed>,
}

/// Seals and sends the segments of one checkpoint.
pub(super) struct Sealer {
    uploads: Uploads,
    pack: PackBuilder,
    packs: Vec<Vec<Chunk>>,
    pending: Vec<Pending>,
}

impl Sealer {
    pub(super) fn new(shared: &Arc<Shared>, journal: &Arc<Journal>) -> Self {
        Self {
            uploads: Uploads::new(shared, journal, &Flow::plain(shared)),
            pack: PackBuilder::new(),
            packs: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// Takes the next segment that has to be written.
    pub(super) async fn add(&mut self, plain: Plain) -> Result<()> {
        let (bytes, mut chunks) = (Arc::new(plain.bytes), Vec::new());
        for from in (0..bytes.len()).step_by(limits::CHUNK) {
            let bytes = Arc::clone(&bytes);
            let sealed = tokio::task::spawn_blocking(move || {
                let to = bytes.len().min(from + limits::CHUNK);
                seal_chunk(bytes.get(from..to).unwrap_or_default(), &mut rand::rng())
            });
            let sealed = sealed.await.map_err(Error::task)?;
            chunks.push(match sealed.map_err(|_| internal("a segment's chunk"))? {
                SealedChunk::Whole { chunk, blob } => {
                    self.uploads.send(blob, Vec::new()).await?;
                    Placed::At(chunk)
                }
                SealedChunk::Piece(piece) => self.place(piece).await?,
            });
        }
        self.pending.push(Pending {
            after: plain.after,
            to: plain.to,
            records: plain.records,
            size: bytes.len() as u64,
            hash: Hash::of(labels::SEGMENT, &bytes),
            chunks,
        });
        Ok(())
    }

    /// The written segments in order, when all of them are on the server.
    pub(super) async fn finish(mut self) -> Result<Vec<Segment>> {
        self.close_pack().await?;
        self.uploads.join(|_| true).await?;
        let Self { packs, pending, .. } = self;
        let chunk = |placed: Placed| match placed {
            Placed::At(chunk) => Some(chunk),
            Placed::InPack { pack, index } => packs.get(pack)?.get(index).cloned(),
        };
        let segment = |pending: Pending| {
            let chunks: Option<Vec<Chunk>> = pending.chunks.into_iter().map(chunk).collect();
            let content = build_content(pending.size, chunks?, &[], &mut rand::rng()).ok()?;
            Some(Segment {
                after: pending.after,
                to: pending.to,
                records: pending.records,
                hash: pending.hash,
                content: content.finish(Vec::new()).ok()?,
            })
        };
        let segments: Option<Vec<Segment>> = pending.into_iter().map(segment).collect();
        segments.ok_or_else(|| internal("a segment's chunks"))
    }

    async fn place(&mut self, mut piece: SealedPiece) -> Result<Placed> {
        loop {
            match self.pack.add(piece) {
                Ok(index) => {
                    let pack = self.packs.len();
                    return Ok(Placed::InPack { pack, index });
                }
                Err(back) => {
                    piece = back;
                    self.close_pack().await?;
                }
            }
        }
    }

    async fn close_pack(&mut self) -> Result<()> {
        if self.pack.is_empty() {
            return Ok(());
        }
        let sealed = std::mem::take(&mut self.pack).finish(0, &mut rand::rng());
        self.packs.push(sealed.chunks);
        self.uploads.send(sealed.blob, Vec::new()).await
    }
}
