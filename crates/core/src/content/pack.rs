//! Packs: many pieces in one blob that shows neither how many they are nor how long.

use crannog_seal::content::PackKey;
use rand_core::CryptoRng;

use super::seal::{PieceKey, Placed};
use super::{Blob, CHUNK, Chunk, Leaf, PACK_MAX, SealedPiece, Slot, cut};

/// Gathers sealed pieces up to 1 MiB.
#[derive(Debug, Default)]
pub struct PackBuilder {
    plaintext: Vec<u8>,
    pieces: Vec<(PieceKey, u32, u32)>,
}

/// A finished pack.
#[derive(Debug)]
pub struct SealedPack {
    /// The bytes to store.
    pub blob: Blob,
    /// One per file piece, in the order in which they were added.
    pub chunks: Vec<Chunk>,
    /// One per leaf, in the order in which they were added.
    pub leaves: Vec<Leaf>,
}

impl PackBuilder {
    /// An empty pack.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Adds a piece and says which one of its kind it is, from 0; gives it back if the pack has to be finished before.
    pub fn add(&mut self, piece: SealedPiece) -> Result<usize, SealedPiece> {
        let offset = self.plaintext.len();
        // A piece alone always fits: no longer one is ever made.
        if !self.is_empty() && offset + piece.len() > PACK_MAX {
            return Err(piece);
        }
        let SealedPiece { key, message } = piece;
        let leaf = matches!(key, PieceKey::Leaf(..));
        let index = self
            .pieces
            .iter()
            .filter(|(key, ..)| matches!(key, PieceKey::Leaf(..)) == leaf)
            .count();
        self.pieces.push((key, offset as u32, message.len() as u32));
        if offset == 0 {
            self.plaintext = message;
        } else {
            self.plaintext.extend_from_slice(&message);
        }
        Ok(index)
    }

    /// How much plaintext it will hold, padding included, if it is finished now.
    pub fn padded_len(&self) -> u64 {
        cut::padded_pack(self.plaintext.len() as u64)
    }

    /// Pads, takes up `extra` bytes of filler besides (see [`plan_filler`](super::plan_filler); never beyond 4 MiB), and seals.
    pub fn finish(self, extra: u64, rng: &mut impl CryptoRng) -> SealedPack {
        let padded = self.padded_len().saturating_add(extra).min(CHUNK);
        let mut plaintext = self.plaintext;
        plaintext.resize(padded as usize, 0);
        let key = PackKey::generate(rng);
        let blob = Blob::new(key.seal(&plaintext, rng));
        let (mut chunks, mut leaves) = (Vec::new(), Vec::new());
        for (piece, offset, len) in self.pieces {
            match piece.place(
                blob.id(),
                Slot {
                    key: key.clone(),
                    offset,
                    len,
                },
            ) {
                Placed::Chunk(chunk) => chunks.push(chunk),
                Placed::Leaf(leaf) => leaves.push(leaf),
            }
        }
        SealedPack { blob, chunks, leaves }
    }
}
