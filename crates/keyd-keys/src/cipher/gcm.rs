//! AES-256-GCM with a nonce of 96 bits: `nonce (12) || ciphertext || tag (16)`, byte for byte as Transit writes it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rand_core::CryptoRng;

use super::{TAG_LEN, TooLong, Unopened};
use crate::memory::LockedBytes;

const NONCE_LEN: usize = 12;

/// One key with its schedule.
pub(crate) struct Gcm(LessSafeKey);

impl Gcm {
    #[expect(clippy::expect_used, reason = "an AES-256 key of 32 bytes is always accepted")]
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are an AES-256 key"),
        ))
    }

    /// `nonce || ciphertext || tag` under a random nonce. The caller has counted this use (KEY-007).
    pub(crate) fn seal_random(
        &self,
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, TooLong> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut out = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_LEN);
        out.extend_from_slice(&nonce);
        self.seal(&nonce, aad, plaintext, &mut out)?;
        Ok(out)
    }

    /// Opens what [`seal_random`](Self::seal_random) made.
    pub(crate) fn open_random(&self, aad: &[u8], sealed: &[u8]) -> Result<LockedBytes, Unopened> {
        let (nonce, sealed) = sealed.split_first_chunk().ok_or(Unopened)?;
        self.open(nonce, aad, sealed)
    }

    /// Appends `ciphertext || tag`. A nonce is never used twice under one key.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), TooLong> {
        seal_detached(&self.0, nonce, aad, plaintext, out)
    }

    /// Opens `ciphertext || tag`.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<LockedBytes, Unopened> {
        open_detached(&self.0, nonce, aad, sealed)
    }
}

/// Appends `ciphertext || tag`, the plaintext being overwritten in place.
pub(crate) fn seal_detached(
    key: &LessSafeKey,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), TooLong> {
    let start = out.len();
    out.extend_from_slice(plaintext);
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let body = out.get_mut(start..).unwrap_or_default();
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), body)
        .map_err(|_| TooLong)?;
    out.extend_from_slice(tag.as_ref());
    Ok(())
}

/// Opens `ciphertext || tag` straight into memory that is wiped; nothing of it is given before the tag verified.
pub(crate) fn open_detached(
    key: &LessSafeKey,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    sealed: &[u8],
) -> Result<LockedBytes, Unopened> {
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(Unopened)?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let mut opened = Err(Unopened);
    let plain = LockedBytes::init_with(ciphertext.len(), |out| {
        opened = key
            .open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, out)
            .map_err(|_| Unopened);
    });
    opened.map(|()| plain)
}
