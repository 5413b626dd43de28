//! Key derivation: HKDF-Expand with SHA-384 (RFC 5869, section 2.3), one label per purpose.

use aws_lc_rs::hkdf::{HKDF_SHA384, KeyType, Prk};

use crate::labels::Label;
use crate::secret::Secret32;

/// `derive(secret, label, context)` of docs/spec/sealing.md: 32 bytes that nobody can link to the secret.
///
/// info = `label || 0x00 || context`. The result's type says what it is for.
pub(crate) fn derive<T: Secret32>(secret: &impl Secret32, label: Label, context: &[u8]) -> T {
    T::init_with(|out| expand(secret.expose(), &[label.as_bytes(), &[0], context], out))
}

/// HKDF-Expand-SHA-384 over the concatenated parts of `info`.
#[expect(
    clippy::expect_used,
    reason = "fails only past 255 * 48 bytes of output; callers want 32 or 48"
)]
pub(crate) fn expand(prk: &[u8], info: &[&[u8]], out: &mut [u8]) {
    Prk::new_less_safe(HKDF_SHA384, prk)
        .expand(info, OutputLen(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("output length is within HKDF's limit");
}

struct OutputLen(usize);

impl KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;

    use super::*;

    #[test]
    fn expand_is_one_hmac_for_one_block() {
        let prk = [7_u8; 32];
        let mut out = [0_u8; 48];
        expand(&prk, &[b"in", b"fo"], &mut out);
        let block = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, &prk), b"info\x01");
        assert_eq!(out.as_slice(), block.as_ref());
    }

    #[test]
    fn expand_gives_a_prefix_for_shorter_outputs() {
        let (mut long, mut short) = ([0_u8; 48], [0_u8; 32]);
        expand(&[1; 32], &[b"x"], &mut long);
        expand(&[1; 32], &[b"x"], &mut short);
        assert_eq!(long[..32], short);
    }
}
