//! From blobs back to file bytes: nothing comes out that the record does not vouch for.

use crannog_proto::{BlobId, decode};
use crannog_seal::content::PackKey;
use crannog_seal::floe::sealed_len;
use subtle::ConstantTimeEq;

use super::cut::{self, check_chunk, check_slot};
use super::seal::PieceKey;
use super::{Blob, CHUNK, Chunk, Leaf, SealedPiece, Slot};
use crate::check::Check;

/// A pack's plaintext, so that many pieces cost one opening. Only [`open`](Self::open) makes one.
pub struct OpenedPack {
    blob: BlobId,
    key: PackKey,
    plaintext: Vec<u8>,
}

impl OpenedPack {
    /// Opens a pack (CHK-002, CHK-024).
    pub fn open(blob: &Blob, key: &PackKey) -> Result<Self, Check> {
        // CHK-024
        if blob.bytes().len() as u64 > sealed_len(CHUNK) {
            return Err(Check::Bounds);
        }
        // CHK-002
        let plaintext = key.open(blob.bytes()).map_err(|_| Check::Seal)?;
        Ok(Self {
            blob: blob.id(),
            key: key.clone(),
            plaintext,
        })
    }

    /// Bytes of its plaintext, padding included.
    #[expect(clippy::len_without_is_empty, reason = "a pack is never empty")]
    pub fn len(&self) -> u64 {
        self.plaintext.len() as u64
    }

    /// The bytes of chunk `index` of a file of `size` bytes (CHK-001, CHK-002, CHK-003).
    pub fn chunk(&self, chunk: &Chunk, size: u64, index: u64) -> Result<Vec<u8>, Check> {
        let len = check_chunk(chunk, size, index)?;
        let slot = chunk.slot.as_ref().ok_or(Check::Length)?;
        let plaintext = chunk
            .key
            .open(self.message(chunk.blob, slot)?)
            .map_err(|_| Check::Seal)?;
        // CHK-003
        if plaintext.len() as u64 == len {
            Ok(plaintext)
        } else {
            Err(Check::Length)
        }
    }

    /// Takes the sealed message of chunk `index` of a file of `size` bytes out, unopened, for another pack (CHK-001, CHK-002, CHK-003).
    pub fn take(&self, chunk: &Chunk, size: u64, index: u64) -> Result<SealedPiece, Check> {
        check_chunk(chunk, size, index)?;
        let slot = chunk.slot.as_ref().ok_or(Check::Length)?;
        Ok(SealedPiece {
            key: PieceKey::Chunk(chunk.key.clone()),
            message: self.message(chunk.blob, slot)?.to_vec(),
        })
    }

    /// The chunks of leaf `index` of a file of `size` bytes (CHK-001, CHK-002, CHK-003, CHK-029).
    pub fn leaf(&self, leaf: &Leaf, size: u64, index: u64) -> Result<Vec<Chunk>, Check> {
        let len = cut::leaf_len(size, index).ok_or(Check::Length)?;
        check_slot(&leaf.slot, len)?;
        let plaintext = leaf
            .key
            .open(self.message(leaf.blob, &leaf.slot)?)
            .map_err(|_| Check::Seal)?;
        // CHK-003
        if plaintext.len() as u64 != len {
            return Err(Check::Length);
        }
        // CHK-029
        let chunks: Vec<Chunk> = decode(&plaintext).map_err(|_| Check::Decode)?;
        if Some(chunks.len() as u64) != cut::leaf_chunks(size, index) {
            return Err(Check::Length);
        }
        let first = index.saturating_mul(super::LEAF_MAX);
        (first..)
            .zip(&chunks)
            .try_for_each(|(index, chunk)| check_chunk(chunk, size, index).map(drop))?;
        Ok(chunks)
    }

    /// The sealed message in a slot of this pack.
    fn message(&self, blob: BlobId, slot: &Slot) -> Result<&[u8], Check> {
        // CHK-001: a piece of another pack.
        if blob != self.blob {
            return Err(Check::Blob);
        }
        // CHK-002: the record's key would not have opened this pack.
        if !bool::from(slot.key.ct_eq(&self.key)) {
            return Err(Check::Seal);
        }
        let start = slot.offset as usize;
        // CHK-003
        self.plaintext
            .get(start..start.saturating_add(slot.len as usize))
            .ok_or(Check::Length)
    }
}

impl std::fmt::Debug for OpenedPack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenedPack({})", self.blob)
    }
}

/// The bytes of chunk `index` of a file of `size` bytes.
///
/// Refuses a blob that is not the chunk's (CHK-001), boxes that do not open (CHK-002), and a slot or a plaintext of
/// another length than index and size demand (CHK-003). For many pieces of one pack use [`OpenedPack`].
pub fn open_chunk(chunk: &Chunk, size: u64, index: u64, blob: &Blob) -> Result<Vec<u8>, Check> {
    let len = check_chunk(chunk, size, index)?;
    // CHK-001
    if chunk.blob != blob.id() {
        return Err(Check::Blob);
    }
    if let Some(slot) = &chunk.slot {
        return OpenedPack::open(blob, &slot.key)?.chunk(chunk, size, index);
    }
    // CHK-003, before anything is opened: the length of a box tells that of its plaintext.
    let padded = cut::padded_piece(len);
    if blob.bytes().len() as u64 != sealed_len(padded) {
        return Err(Check::Length);
    }
    // CHK-002
    let mut plaintext = chunk.key.open(blob.bytes()).map_err(|_| Check::Seal)?;
    let padding = plaintext.get(len as usize..).ok_or(Check::Length)?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err(Check::Length);
    }
    plaintext.truncate(len as usize);
    Ok(plaintext)
}

/// The chunks of leaf `index` of a file of `size` bytes; refuses as [`open_chunk`] does.
pub fn open_leaf(leaf: &Leaf, size: u64, index: u64, blob: &Blob) -> Result<Vec<Chunk>, Check> {
    // CHK-001
    if leaf.blob != blob.id() {
        return Err(Check::Blob);
    }
    OpenedPack::open(blob, &leaf.slot.key)?.leaf(leaf, size, index)
}
