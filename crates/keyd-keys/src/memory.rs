//! Where secret bytes lie: in the pool of locked memory.

use core::fmt;

use crannog_keyd_os as os;
use subtle::ConstantTimeEq;

/// Secret bytes in guarded pages ([`os::LockedBytes`]): wiped on drop, silent in Debug, compared in constant time.
pub struct LockedBytes(os::LockedBytes);

impl LockedBytes {
    /// `len` bytes, made in place so that no copy stays behind.
    pub fn init_with(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        Self(os::LockedBytes::init_with(len, fill))
    }

    /// A copy of given bytes. The caller wipes its own.
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self::init_with(bytes.len(), |own| own.copy_from_slice(bytes))
    }

    /// The bytes. Never to be logged, and copied only into what is wiped or sealed.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
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
