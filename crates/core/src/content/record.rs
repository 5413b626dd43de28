//! How a record names a file's bytes (`docs/spec/drive.md`, Content).

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::BlobId;
use crannog_seal::{ContentKey, PackKey};

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

/// A sealed list of up to 4,096 chunks.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Leaf {
    /// Where the list is.
    pub at: Chunk,
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

impl PartialEq for Content {
    /// Two contents are the same when they name the same pieces; keys are not compared.
    fn eq(&self, other: &Self) -> bool {
        let places = |content: &Self| -> Vec<(BlobId, Option<(u32, u32)>)> {
            let place = |chunk: &Chunk| (chunk.blob, chunk.slot.as_ref().map(|slot| (slot.offset, slot.len)));
            match &content.chunks {
                Chunks::Inline(chunks) => chunks.iter().map(place).collect(),
                Chunks::Leaves(leaves) => leaves.iter().map(|leaf| place(&leaf.at)).collect(),
            }
        };
        self.size == other.size && places(self) == places(other)
    }
}

impl Eq for Content {}
