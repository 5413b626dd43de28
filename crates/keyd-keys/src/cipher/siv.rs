//! AES-256-GCM-SIV (RFC 8452), convergent: the nonce is a PRF of the whole input, so equal inputs give equal ciphertexts.
//!
//! ```text
//! Ke (32) || Kn (32) = HKDF-SHA-256(ikm = secret, salt = none, info = context, L = 64)
//! nonce              = HMAC-SHA-256(Kn, be64(length of A) || A || P), first 12 bytes
//! nonce || C || tag  = nonce || AES-256-GCM-SIV(Ke, nonce, A, P)
//! ```
//! Opening computes the nonce anew from what came out and compares: a nonce that another made is refused.

use aws_lc_rs::aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey};
use aws_lc_rs::hmac;
use subtle::ConstantTimeEq;

use super::gcm::{open_detached, seal_detached};
use super::{TAG_LEN, TooLong, Unopened, hkdf};
use crate::error::KeyError;
use crate::memory::LockedBytes;

const NONCE_LEN: usize = 12;

/// The keys of one context.
pub(crate) struct Siv {
    encryption: LessSafeKey,
    nonces: hmac::Key,
}

impl Siv {
    /// The keys of `context`, which is empty for a key that is not derived.
    pub(crate) fn new(secret: &[u8], context: &[u8]) -> Result<Self, KeyError> {
        let keys = hkdf::derive(secret, context, 64)?;
        let (encryption, nonces) = keys.expose().split_at_checked(32).ok_or(KeyError::Internal)?;
        let encryption = UnboundKey::new(&AES_256_GCM_SIV, encryption).map_err(|_| KeyError::Internal)?;
        Ok(Self {
            encryption: LessSafeKey::new(encryption),
            nonces: hmac::Key::new(hmac::HMAC_SHA256, nonces),
        })
    }

    /// `nonce || ciphertext || tag`.
    pub(crate) fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, TooLong> {
        let nonce = self.nonce(aad, plaintext);
        let mut out = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_LEN);
        out.extend_from_slice(&nonce);
        seal_detached(&self.encryption, &nonce, aad, plaintext, &mut out)?;
        Ok(out)
    }

    /// Opens what [`seal`](Self::seal) made.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<LockedBytes, Unopened> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unopened)?;
        let plain = open_detached(&self.encryption, nonce, aad, sealed)?;
        if bool::from(self.nonce(aad, plain.expose()).ct_eq(nonce)) {
            Ok(plain)
        } else {
            Err(Unopened)
        }
    }

    fn nonce(&self, aad: &[u8], plaintext: &[u8]) -> [u8; NONCE_LEN] {
        let mut mac = hmac::Context::with_key(&self.nonces);
        mac.update(&(aad.len() as u64).to_be_bytes());
        mac.update(aad);
        mac.update(plaintext);
        let tag = mac.sign();
        let mut nonce = [0; NONCE_LEN];
        for (to, from) in nonce.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        nonce
    }
}
