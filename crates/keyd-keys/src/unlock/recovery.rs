//! The recovery key: what opens everything when all else is lost.

use core::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::RecordError;

const PREFIX: &str = "crannog-keyd-recovery-1:";
const CHECK_LEN: usize = 4;

/// 32 random bytes, shown once as text with a check against slips of the hand.
pub struct RecoveryKey(Zeroizing<[u8; 32]>);

impl RecoveryKey {
    /// A fresh random key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut key = Self(Zeroizing::new([0; 32]));
        rng.fill_bytes(&mut *key.0);
        key
    }

    /// `crannog-keyd-recovery-1:` and hex of the key and the first four bytes of SHA-256(prefix || key).
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 2 * (32 + CHECK_LEN)));
        text.push_str(PREFIX);
        HEXLOWER.encode_append(&*self.0, &mut text);
        HEXLOWER.encode_append(&self.check(), &mut text);
        text
    }

    /// From that text; white space around it and capital letters in it do not matter.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let lower = Zeroizing::new(text.trim().to_ascii_lowercase());
        let digits = lower.strip_prefix(PREFIX).ok_or(RecordError::RecoveryKey)?;
        let bytes = Zeroizing::new(
            HEXLOWER
                .decode(digits.as_bytes())
                .map_err(|_| RecordError::RecoveryKey)?,
        );
        let (key, check) = bytes.split_first_chunk().ok_or(RecordError::RecoveryKey)?;
        let key = Self(Zeroizing::new(*key));
        if key.check() == *check {
            Ok(key)
        } else {
            Err(RecordError::RecoveryKey)
        }
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    fn check(&self) -> [u8; CHECK_LEN] {
        let mut hash = Context::new(&SHA256);
        hash.update(PREFIX.as_bytes());
        hash.update(&*self.0);
        let mut check = [0; CHECK_LEN];
        for (to, from) in check.iter_mut().zip(hash.finish().as_ref()) {
            *to = *from;
        }
        check
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey")
    }
}
