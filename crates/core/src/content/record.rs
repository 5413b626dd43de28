//! How a record names a file's bytes (`docs/spec/drive.md`, Content).

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::BlobId;
use crannog_seal::content::{ContentKey, ListKey, PackKey};
use subtle::ConstantTimeEq;

/// A place inside a pack.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Slot {
    /// Opens the pack.
    pub key: PackKey,
    /// Where the inner message begins in the pack's plaintext, bytes.
    pub offset: u32,
    /// Its length, bytes.
    pub len: u32,
}

/// One sealed piece: a whole chunk in a blob of its own, or a shorter one in a pack.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Chunk {
    /// The blob.
    pub blob: BlobId,
    /// Opens the piece.
    pub key: ContentKey,
    /// Where in the pack; absent for a blob of its own.
    pub slot: Option<Slot>,
}

/// A sealed list of up to 4,096 chunks; always in a pack.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Leaf {
    /// The blob.
    pub blob: BlobId,
    /// Opens the list.
    pub key: ListKey,
    /// Where in the pack.
    pub slot: Slot,
    /// How many chunks it names.
    pub count: u32,
}

/// The chunks of a file, directly or by leaves.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub enum Chunks {
    /// At most 64.
    Inline(Vec<Chunk>),
    /// More.
    Leaves(Vec<Leaf>),
}

/// A file's bytes.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Content {
    /// How many.
    pub size: u64,
    /// Where they are.
    pub chunks: Chunks,
}

impl Chunk {
    /// Where its bytes are.
    pub(super) fn place(&self) -> (BlobId, Option<(u32, u32)>) {
        (self.blob, self.slot.as_ref().map(|slot| (slot.offset, slot.len)))
    }
}

impl Leaf {
    /// Where its bytes are.
    pub(super) fn place(&self) -> (BlobId, Option<(u32, u32)>) {
        (self.blob, Some((self.slot.offset, self.slot.len)))
    }
}

impl Content {
    /// Whether this names the same sealed pieces in the same order, perhaps in other packs. Never so where leaves name the pieces: their keys
    /// are not in the record. Says nothing of what lies there.
    pub fn has_pieces_of(&self, other: &Self) -> bool {
        let same = |(a, b): (&Chunk, &Chunk)| {
            let placed = match (&a.slot, &b.slot) {
                (Some(a), Some(b)) => a.len == b.len,
                (None, None) => a.blob == b.blob,
                _ => false,
            };
            placed && bool::from(a.key.ct_eq(&b.key))
        };
        match (&self.chunks, &other.chunks) {
            (Chunks::Inline(own), Chunks::Inline(others)) => {
                self.size == other.size && own.len() == others.len() && own.iter().zip(others).all(same)
            }
            _ => false,
        }
    }
}

impl PartialEq for Content {
    /// Two contents are the same when they name the same pieces; keys are not compared (a box opens under one only).
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size
            && match (&self.chunks, &other.chunks) {
                (Chunks::Inline(a), Chunks::Inline(b)) => {
                    a.iter().map(Chunk::place).eq(b.iter().map(Chunk::place))
                }
                (Chunks::Leaves(a), Chunks::Leaves(b)) => {
                    a.iter().map(Leaf::place).eq(b.iter().map(Leaf::place))
                }
                _ => false,
            }
    }
}

impl Eq for Content {}
