//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): `nonce (24) || ciphertext || tag (16)`.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use rand_core::CryptoRng;

use super::{TAG_LEN, TooLong, Unopened};
use crate::memory::LockedBytes;

const NONCE_LEN: usize = 24;

/// One key.
pub(crate) struct XChaCha(XChaCha20Poly1305);

impl XChaCha {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// `nonce || ciphertext || tag`.
    pub(crate) fn seal(
        &self,
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, TooLong> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut out = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_LEN);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plaintext);
        let body = out.get_mut(NONCE_LEN..).unwrap_or_default();
        let tag = self
            .0
            .encrypt_inout_detached(&nonce.into(), aad, body.into())
            .map_err(|_| TooLong)?;
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// Opens what [`seal`](Self::seal) made.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<LockedBytes, Unopened> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unopened)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(Unopened)?;
        let mut opened = Err(Unopened);
        let plain = LockedBytes::init_with(ciphertext.len(), |out| {
            out.copy_from_slice(ciphertext);
            opened = self
                .0
                .decrypt_inout_detached(nonce.into(), aad, out.into(), tag.into())
                .map_err(|_| Unopened);
        });
        opened.map(|()| plain)
    }
}
