//! HKDF-SHA-256, extract and expand (RFC 5869): keys that a context is mixed into.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};

use crate::error::KeyError;
use crate::memory::LockedBytes;

/// `len` bytes (at most 8,160) from `ikm`, without salt, with `context` as info.
pub(crate) fn derive(ikm: &[u8], context: &[u8], len: usize) -> Result<LockedBytes, KeyError> {
    let mut filled = Ok(());
    let out = LockedBytes::init_with(len, |out| {
        filled = Salt::none(HKDF_SHA256)
            .extract(ikm)
            .expand(&[context], Length(len))
            .and_then(|okm| okm.fill(out));
    });
    filled.map(|()| out).map_err(|_| KeyError::Internal)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// RFC 5869, appendix A.3: no salt, no info.
    #[test]
    fn rfc_5869_test_case_3() {
        let okm = concat!(
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
            "9d201395faa4b61a96c8"
        );
        assert_eq!(
            HEXLOWER.encode(derive(&[0x0b; 22], b"", 42).unwrap().expose()),
            okm
        );
    }
}
