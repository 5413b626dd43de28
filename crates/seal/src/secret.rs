//! What every 32-byte secret has in common: a box on the heap that is wiped on drop, a Debug that says nothing but
//! the type's name, and comparison in constant time only.

use rand_core::CryptoRng;

/// A type that wraps one 32-byte secret. Sealed: nobody outside can name it, so nobody outside can reach the bytes.
pub trait Secret32: Sized {
    /// Makes the secret in place, so that no copy stays on the stack.
    fn init_with(fill: impl FnOnce(&mut [u8; 32])) -> Self;

    /// The bytes, for this crate's own functions.
    fn expose(&self) -> &[u8; 32];

    /// A fresh random secret.
    fn random(rng: &mut impl CryptoRng) -> Self {
        Self::init_with(|bytes| rng.fill_bytes(bytes))
    }

    /// A copy of given bytes. The caller wipes its own.
    fn copy_of(bytes: &[u8; 32]) -> Self {
        Self::init_with(|own| own.copy_from_slice(bytes))
    }
}

/// Declares a secret: no Copy, no Clone, no Display, no PartialEq, no encoding.
macro_rules! secret32 {
    ($(#[$meta:meta])* $vis:vis $name:ident) => {
        $(#[$meta])*
        $vis struct $name(Box<[u8; 32]>);

        impl $crate::secret::Secret32 for $name {
            fn init_with(fill: impl FnOnce(&mut [u8; 32])) -> Self {
                let mut secret = Self(Box::new([0; 32]));
                fill(&mut secret.0);
                secret
            }

            fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl subtle::ConstantTimeEq for $name {
            fn ct_eq(&self, other: &Self) -> subtle::Choice {
                self.0.as_slice().ct_eq(other.0.as_slice())
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                zeroize::Zeroize::zeroize(self.0.as_mut());
            }
        }

        impl zeroize::ZeroizeOnDrop for $name {}
    };
}

/// Lets a secret be made at random, be copied between states, and travel **inside sealed records** and the encrypted local
/// database (Borsh: 32 bytes). The buffer that it is encoded into must be wiped or sealed by the caller.
macro_rules! carried {
    ($name:ident) => {
        impl $name {
            /// A fresh random secret.
            pub fn generate(rng: &mut impl rand_core::CryptoRng) -> Self {
                <Self as $crate::secret::Secret32>::random(rng)
            }

            /// The secret with these bytes. The caller wipes its own copy.
            pub fn from_bytes(bytes: &[u8; 32]) -> Self {
                <Self as $crate::secret::Secret32>::copy_of(bytes)
            }
        }

        // Justified: such secrets are parts of records, and a step copies records from one state to the next.
        impl Clone for $name {
            fn clone(&self) -> Self {
                Self::from_bytes(&self.0)
            }
        }

        impl borsh::BorshSerialize for $name {
            fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
                writer.write_all(self.0.as_slice())
            }
        }

        impl borsh::BorshDeserialize for $name {
            fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
                let mut secret = Self(Box::new([0; 32]));
                reader.read_exact(secret.0.as_mut_slice())?;
                Ok(secret)
            }
        }
    };
}

pub(crate) use {carried, secret32};
