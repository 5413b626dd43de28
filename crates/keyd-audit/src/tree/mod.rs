//! The Merkle tree of RFC 6962, section 2.1, which RFC 9162 keeps, over SHA-256.

mod frontier;
#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use borsh::{BorshDeserialize, BorshSerialize};

pub use frontier::Frontier;

/// The hash of a leaf, of a node, or of a whole tree.
#[derive(Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The root of the tree without leaves: SHA-256 of nothing.
    pub fn empty() -> Self {
        Self::of(&[])
    }

    /// Of a leaf: `SHA-256(00 || data)`. For a record, `data` is its line without the line feed.
    pub fn leaf(data: &[u8]) -> Self {
        Self::of(&[&[0x00], data])
    }

    /// Of a node: `SHA-256(01 || left || right)`.
    pub fn node(left: &Self, right: &Self) -> Self {
        Self::of(&[&[0x01], &left.0, &right.0])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
