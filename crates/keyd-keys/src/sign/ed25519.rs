//! Ed25519 (RFC 8032), pure. Keys and signatures as they are: 32 and 64 bytes.

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::cipher::hkdf;
use crate::error::KeyError;
use crate::memory::LockedBytes;

/// The pair of a seed of 32 bytes.
pub(crate) fn pair(seed: &[u8]) -> Result<Ed25519KeyPair, KeyError> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Material)
}

/// The pair that `context` derives from a pair: HKDF of `seed || public key`.
pub(crate) fn derived(seed: &[u8], public: &[u8], context: &[u8]) -> Result<Ed25519KeyPair, KeyError> {
    let ikm = seed_and_public(seed, public);
    pair(hkdf::derive(ikm.expose(), context, 32)?.expose())
}

/// `seed || public key`, as exports carry it.
pub(crate) fn seed_and_public(seed: &[u8], public: &[u8]) -> LockedBytes {
    LockedBytes::init_with(seed.len() + public.len(), |out| {
        for (to, from) in out.iter_mut().zip(seed.iter().chain(public)) {
            *to = *from;
        }
    })
}

pub(crate) fn public(pair: &Ed25519KeyPair) -> Vec<u8> {
    pair.public_key().as_ref().to_vec()
}

pub(crate) fn verify(public: &[u8], input: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public)
        .verify(input, signature)
        .is_ok()
}

/// The seed in a PKCS#8 document.
pub(crate) fn seed_of(pkcs8: &[u8]) -> Result<LockedBytes, KeyError> {
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| KeyError::Material)?;
    let seed = pair.seed().map_err(|_| KeyError::Internal)?;
    let seed = seed.as_be_bytes().map_err(|_| KeyError::Internal)?;
    Ok(LockedBytes::copy_of(seed.as_ref()))
}
