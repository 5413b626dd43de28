//! Node and version ids: 48-bit big-endian milliseconds, then 80 random bits.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use rand_core::CryptoRng;

macro_rules! time_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// A fresh id; `now` in milliseconds since 1970 (only its low 48 bits are used).
            pub fn generate(now: i64, rng: &mut impl CryptoRng) -> Self {
                let mut bytes = [0; 16];
                rng.fill_bytes(&mut bytes);
                let [_, _, a, b, c, d, e, f] = now.to_be_bytes();
                for (slot, byte) in bytes.iter_mut().zip([a, b, c, d, e, f]) {
                    *slot = byte;
                }
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", u128::from_be_bytes(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

time_id!(
    /// A node of a drive.
    NodeId
);
time_id!(
    /// A version of a file.
    VersionId
);

impl NodeId {
    /// The top folder of every drive.
    pub const ROOT: Self = Self([0; 16]);
    /// `/Recovered`, where content lands that has no other place.
    pub const RECOVERED: Self = Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
}
