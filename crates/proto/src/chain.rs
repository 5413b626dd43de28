//! The head chain: one hash that stands for a journal's whole past.

use crate::hash::Hash;
use crate::labels;

/// The head after an entry: `H("head", previous || seq || H("header", header))`. Before genesis, `previous` is [`Hash::ZERO`].
pub fn next_head(previous: &Hash, seq: u64, header: &[u8]) -> Hash {
    next_head_of(previous, seq, &header_hash(header))
}

/// The same where only the [`header_hash`] is at hand.
pub fn next_head_of(previous: &Hash, seq: u64, header: &Hash) -> Hash {
    Hash::of_parts(labels::HEAD, &[&previous.0, &seq.to_le_bytes(), &header.0])
}

/// A header as it enters the head chain: `H("header", header)`.
pub fn header_hash(header: &[u8]) -> Hash {
    Hash::of(labels::HEADER, header)
}
