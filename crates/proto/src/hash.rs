//! Labelled hashes: BLAKE3 in derive-key mode (BLAKE3 paper, section 6.2).

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// A 32-byte hash whose label is given by the field that holds it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Thirty-two zero bytes: "nothing before".
    pub const ZERO: Self = Self([0; 32]);

    /// `H(label, data)`.
    pub fn of(label: &'static str, data: &[u8]) -> Self {
        Self(blake3::derive_key(label, data))
    }

    /// `H(label, a || b || …)` without joining the parts first.
    pub fn of_parts(label: &'static str, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(label);
        for part in parts {
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// Plain BLAKE3, for blobs and sealed bodies alone.
    pub fn plain(data: &[u8]) -> Self {
        Self(*blake3::hash(data).as_bytes())
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
