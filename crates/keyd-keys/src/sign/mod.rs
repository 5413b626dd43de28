//! Signatures and HMACs: hashes, and one file per family of keys.

pub(crate) mod ecdsa;
pub(crate) mod ed25519;
mod hash;
pub(crate) mod mac;
pub(crate) mod ml_dsa;
pub(crate) mod rsa;

pub use self::hash::Hash;

/// How RSA pads what it signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RsaScheme {
    /// RSASSA-PSS (RFC 8017, section 8.1), salt as long as the digest, MGF1 with the same hash.
    #[default]
    Pss,
    /// RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2).
    Pkcs1v15,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Marshaling {
    /// ECDSA as DER; base64.
    #[default]
    Asn1,
    /// ECDSA as `r || s` of fixed width; base64url without padding, for all types.
    Jws,
}

/// What a client says about the salt of PSS. All that is accepted means the digest's length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SaltLength {
    /// The digest's length.
    #[default]
    Digest,
    /// So many bytes, which must be the digest's length.
    Bytes(u32),
}

impl SaltLength {
    /// Whether a salt of the digest's length is what is meant.
    pub(crate) fn fits(self, hash: Hash) -> bool {
        match self {
            Self::Digest => true,
            Self::Bytes(n) => n as usize == hash.len(),
        }
    }
}
