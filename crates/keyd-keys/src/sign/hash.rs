//! Hash functions by the names of the interface.

use aws_lc_rs::digest::{self, Algorithm, SHA3_256, SHA3_384, SHA3_512, SHA224, SHA256, SHA384, SHA512};

/// A hash function. `sha1` and `none` do not exist here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-224.
    Sha2_224,
    /// SHA-256.
    #[default]
    Sha2_256,
    /// SHA-384.
    Sha2_384,
    /// SHA-512.
    Sha2_512,
    /// SHA3-256.
    Sha3_256,
    /// SHA3-384.
    Sha3_384,
    /// SHA3-512.
    Sha3_512,
}

impl Hash {
    /// All hash functions.
    pub const ALL: &[Self] = &[
        Self::Sha2_224,
        Self::Sha2_256,
        Self::Sha2_384,
        Self::Sha2_512,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
    ];

    /// The hash of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|hash| hash.as_str() == text)
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha2_224 => "sha2-224",
            Self::Sha2_256 => "sha2-256",
            Self::Sha2_384 => "sha2-384",
            Self::Sha2_512 => "sha2-512",
            Self::Sha3_256 => "sha3-256",
            Self::Sha3_384 => "sha3-384",
            Self::Sha3_512 => "sha3-512",
        }
    }

    /// Length of a digest, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha2_224 => 28,
            Self::Sha2_256 | Self::Sha3_256 => 32,
            Self::Sha2_384 | Self::Sha3_384 => 48,
            Self::Sha2_512 | Self::Sha3_512 => 64,
        }
    }

    /// The digest of `input`.
    pub fn digest(self, input: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), input).as_ref().to_vec()
    }

    /// The digest that is signed: of `input`, or `input` itself if it was hashed before and is as long as a digest.
    pub(crate) fn digest_or(self, input: &[u8], prehashed: bool) -> Option<Vec<u8>> {
        if !prehashed {
            return Some(self.digest(input));
        }
        (input.len() == self.len()).then(|| input.to_vec())
    }

    pub(crate) fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha2_224 => &SHA224,
            Self::Sha2_256 => &SHA256,
            Self::Sha2_384 => &SHA384,
            Self::Sha2_512 => &SHA512,
            Self::Sha3_256 => &SHA3_256,
            Self::Sha3_384 => &SHA3_384,
            Self::Sha3_512 => &SHA3_512,
        }
    }
}
