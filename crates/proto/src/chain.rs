//! The head chain: one hash that stands for a journal's whole past.

use crate::hash::Hash;
use crate::labels;

/// The head after an entry: `H("head", previous || seq || H("header", header))`. Before genesis, `previous` is [`Hash::ZERO`].
pub fn next_head(previous: &Hash, seq: u64, header: &[u8]) -> Hash {
    let header = Hash::of(labels::HEADER, header);
    Hash::of_parts(labels::HEAD, &[&previous.0, &seq.to_le_bytes(), &header.0])
}
