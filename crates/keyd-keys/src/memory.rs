//! Where secret bytes lie. The one place to change when they move into the pool of locked memory.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Secret bytes: wiped on drop, silent in Debug, compared in constant time.
pub struct LockedBytes(Zeroizing<Box<[u8]>>);

impl LockedBytes {
    /// `len` bytes, made in place so that no copy stays behind.
    pub fn init_with(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = Zeroizing::new(vec![0; len].into_boxed_slice());
        fill(&mut bytes);
        Self(bytes)
    }

    /// A copy of given bytes. The caller wipes its own.
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self::init_with(bytes.len(), |own| own.copy_from_slice(bytes))
    }

    /// The bytes. Never to be logged, and copied only into what is wiped or sealed.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl ConstantTimeEq for LockedBytes {
    fn ct_eq(&self, other: &Self) -> subtle::Choice {
        self.expose().ct_eq(other.expose())
    }
}

impl fmt::Debug for LockedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockedBytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_type::{KeySpec, KeyType};

    #[test]
    fn secrets_are_silent() {
        assert_eq!(format!("{:#?}", LockedBytes::copy_of(&[0x5A; 32])), "LockedBytes");
        let key = crate::tests::key(&KeySpec::new(KeyType::Hmac));
        assert_eq!(
            format!("{key:?}"),
            r#"Key { name: "test", type: "hmac", latest: 1, .. }"#
        );
    }
}
