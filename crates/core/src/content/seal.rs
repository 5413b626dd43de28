//! One piece of a file, sealed under a key of its own.

use crannog_proto::BlobId;
use crannog_seal::content::{ContentKey, ListKey};
use rand_core::CryptoRng;

use super::cut::{self, is_packed};
use super::{Blob, CHUNK, Chunk, ContentError};

/// A sealed piece: in a blob of its own, or on its way into a pack.
#[derive(Debug)]
pub enum SealedChunk {
    /// Ready to be stored.
    Whole {
        /// What the record says of it.
        chunk: Chunk,
        /// The bytes to store.
        blob: Blob,
    },
    /// To be given to a [`PackBuilder`](super::PackBuilder).
    Piece(SealedPiece),
}

/// A sealed message that still needs its place in a pack.
#[derive(Debug)]
pub struct SealedPiece {
    pub(super) key: PieceKey,
    pub(super) message: Vec<u8>,
}

#[derive(Debug)]
pub(super) enum PieceKey {
    Chunk(ContentKey),
    Leaf(ListKey, u32),
}

impl SealedPiece {
    /// Its length in the pack.
    #[expect(clippy::len_without_is_empty, reason = "a sealed message is never empty")]
    pub fn len(&self) -> usize {
        self.message.len()
    }
}

/// Seals a piece of a file, 1 byte to 4 MiB, under a fresh random key (spec: drive, Content).
///
/// Pure, one allocation of the sealed length (a tail above [`PIECE_MAX`](super::PIECE_MAX) is copied once to be padded):
/// call it from as many threads as there are cores.
pub fn seal_chunk(plaintext: &[u8], rng: &mut impl CryptoRng) -> Result<SealedChunk, ContentError> {
    let len = plaintext.len() as u64;
    if len == 0 || len > CHUNK {
        return Err(ContentError::PieceLength);
    }
    let key = ContentKey::generate(rng);
    if is_packed(len) {
        let message = key.seal(plaintext, rng);
        return Ok(SealedChunk::Piece(SealedPiece {
            key: PieceKey::Chunk(key),
            message,
        }));
    }
    let padded = cut::padded_piece(len) as usize;
    let blob = if padded == plaintext.len() {
        Blob::new(key.seal(plaintext, rng))
    } else {
        let mut bytes = Vec::with_capacity(padded);
        bytes.extend_from_slice(plaintext);
        bytes.resize(padded, 0);
        Blob::new(key.seal(&bytes, rng))
    };
    Ok(SealedChunk::Whole {
        chunk: Chunk {
            blob: blob.id(),
            key,
            slot: None,
        },
        blob,
    })
}

/// Seals the list of some chunks; its place is still missing.
pub(super) fn seal_leaf(chunks: &[Chunk], rng: &mut impl CryptoRng) -> SealedPiece {
    let key = ListKey::generate(rng);
    let message = key.seal(&crannog_proto::encode(&chunks), rng);
    SealedPiece {
        key: PieceKey::Leaf(key, chunks.len() as u32),
        message,
    }
}

/// What a piece becomes once its pack is known.
pub(super) enum Placed {
    Chunk(Chunk),
    Leaf(super::Leaf),
}

impl PieceKey {
    pub(super) fn place(self, blob: BlobId, slot: super::Slot) -> Placed {
        match self {
            Self::Chunk(key) => Placed::Chunk(Chunk {
                blob,
                key,
                slot: Some(slot),
            }),
            Self::Leaf(key, count) => Placed::Leaf(super::Leaf {
                blob,
                key,
                slot,
                count,
            }),
        }
    }
}
