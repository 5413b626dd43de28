//! Ed25519 verification (RFC 8032) of labelled messages. Signing needs a secret and lives in the crate `seal`.

use std::fmt;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use borsh::{BorshDeserialize, BorshSerialize};

/// An Ed25519 signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// A signature that is not this key's on this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// An Ed25519 public key, 32 bytes, not yet known to be a point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct VerifyingKey(pub [u8; 32]);

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl VerifyingKey {
    /// Checks `Sign(key, label, data)`. Errors when the key does not decode or the signature is not its own.
    pub fn verify(
        &self,
        label: &'static str,
        data: &[u8],
        signature: &Signature,
    ) -> Result<(), BadSignature> {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(&message(label, data), &signature.0)
            .map_err(|_| BadSignature)
    }
}

/// The bytes that are signed: `label || 0x00 || data`.
pub fn message(label: &'static str, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(label.len() + 1 + data.len());
    bytes.extend_from_slice(label.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(data);
    bytes
}
