//! Where a file is cut and how long each piece is: everything follows from its size.

use crannog_proto::limits;
use crannog_proto::padme::padme;
use crannog_seal::floe::{HEADER_LEN, SEGMENT_LEN, SEGMENT_OVERHEAD, sealed_len};

use super::{Chunk, Chunks, Content, Slot};
use crate::check::Check;

/// Plaintext of every chunk but a file's last; also the most plaintext of any blob.
pub const CHUNK: u64 = limits::CHUNK as u64;
/// Where a pack is closed: plaintext before padding.
pub const PACK_MAX: usize = 1024 * 1024;
/// The longest piece whose message fits into a pack; a longer one is a blob of its own.
pub const PIECE_MAX: usize = 1_047_990;
/// The most chunks that a record names itself.
pub const INLINE_MAX: u64 = 64;
/// The most chunks of a leaf.
pub const LEAF_MAX: u64 = 4_096;

/// Bytes of an encoded chunk without slot, and of a slot.
const CHUNK_BYTES: u64 = 65;
const SLOT_BYTES: u64 = 40;

/// How many chunks a file of this size has.
pub fn chunk_count(size: u64) -> u64 {
    size.div_ceil(CHUNK)
}

/// How many bytes chunk `index` of a file of this size has; none if there is no such chunk.
pub fn chunk_len(size: u64, index: u64) -> Option<u64> {
    let rest = size.checked_sub(index.checked_mul(CHUNK)?)?;
    (rest > 0).then(|| rest.min(CHUNK))
}

/// Whether a piece of this length lies in a pack, rather than in a blob of its own.
pub fn is_packed(len: u64) -> bool {
    len <= PIECE_MAX as u64
}

/// How many leaves the chunk list of a file of this size has; none if the record names the chunks itself.
pub fn leaf_count(size: u64) -> u64 {
    let chunks = chunk_count(size);
    if chunks > INLINE_MAX {
        chunks.div_ceil(LEAF_MAX)
    } else {
        0
    }
}

/// How many chunks leaf `index` names.
pub(super) fn leaf_chunks(size: u64, index: u64) -> Option<u64> {
    let rest = chunk_count(size).checked_sub(index.checked_mul(LEAF_MAX)?)?;
    (rest > 0).then(|| rest.min(LEAF_MAX))
}

/// How many bytes the plaintext of leaf `index` has: known before anything is opened.
pub(super) fn leaf_len(size: u64, index: u64) -> Option<u64> {
    let chunks = leaf_chunks(size, index)?;
    let last = index.saturating_add(1) == leaf_count(size);
    let packed_tail = last && chunk_len(size, chunk_count(size).saturating_sub(1)).is_some_and(is_packed);
    Some(4 + chunks * CHUNK_BYTES + if packed_tail { SLOT_BYTES } else { 0 })
}

/// Plaintext, padding included, of a piece that has a blob of its own.
pub(super) fn padded_piece(len: u64) -> u64 {
    padme(len)
}

/// Plaintext, padding included, of a pack.
pub(super) fn padded_pack(len: u64) -> u64 {
    padme(len.max(4_096))
}

/// The inverse of `sealed_len`.
pub(super) fn plain_len(sealed: u64) -> u64 {
    let segments = sealed.saturating_sub(HEADER_LEN as u64);
    segments.saturating_sub(segments.div_ceil(SEGMENT_LEN as u64) * SEGMENT_OVERHEAD as u64)
}

/// CHK-003: the slot has the length that the plaintext demands and lies in what a pack can be.
pub(super) fn check_slot(slot: &Slot, plain: u64) -> Result<(), Check> {
    let end = u64::from(slot.offset) + u64::from(slot.len);
    if u64::from(slot.len) == sealed_len(plain) && end <= CHUNK {
        Ok(())
    } else {
        Err(Check::Length)
    }
}

/// CHK-003: chunk `index` is where a piece of its length has to be. Gives that length.
pub(super) fn check_chunk(chunk: &Chunk, size: u64, index: u64) -> Result<u64, Check> {
    let len = chunk_len(size, index).ok_or(Check::Length)?;
    match &chunk.slot {
        Some(slot) if is_packed(len) => check_slot(slot, len).map(|()| len),
        None if !is_packed(len) => Ok(len),
        _ => Err(Check::Length),
    }
}

impl Content {
    /// Whether the chunks or leaves are as many, and lie as, the size demands (CHK-003, CHK-024). Costs no memory, opens nothing.
    pub fn check_shape(&self) -> Result<(), Check> {
        let chunks = chunk_count(self.size);
        match &self.chunks {
            Chunks::Inline(list) => {
                // CHK-024
                if chunks > INLINE_MAX || list.len() as u64 != chunks {
                    return Err(Check::Bounds);
                }
                (0..)
                    .zip(list)
                    .try_for_each(|(index, chunk)| check_chunk(chunk, self.size, index).map(drop))
            }
            Chunks::Leaves(list) => {
                // CHK-024
                if chunks <= INLINE_MAX || list.len() as u64 != leaf_count(self.size) {
                    return Err(Check::Bounds);
                }
                (0..).zip(list).try_for_each(|(index, leaf)| {
                    if Some(u64::from(leaf.count)) != leaf_chunks(self.size, index) {
                        return Err(Check::Bounds);
                    }
                    check_slot(&leaf.slot, leaf_len(self.size, index).ok_or(Check::Bounds)?)
                })
            }
        }
    }
}
