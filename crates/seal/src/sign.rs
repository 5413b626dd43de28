//! Ed25519 signing keys (RFC 8032), one type per purpose. What exactly is signed, and how it is verified, is not this
//! crate's matter.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use crate::secret::{Secret32, secret32};

/// A key that signs; for code that serves more than one purpose.
pub trait Signer {
    /// The public half.
    fn public(&self) -> [u8; 32];

    /// The Ed25519 signature of `message`, which must begin with a label that no other message begins with.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

secret32! {
    /// 32 derived bytes on their way to become a signing key.
    pub(crate) SigningSeed
}

struct KeyPairOf(Ed25519KeyPair);

impl KeyPairOf {
    #[expect(clippy::expect_used, reason = "every 32 bytes are an Ed25519 seed")]
    fn new(seed: &[u8; 32]) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes are a seed"))
    }

    fn public(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.public_key().as_ref());
        out
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(self.0.sign(message).as_ref());
        out
    }
}

macro_rules! signing_key {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        pub struct $name(KeyPairOf);

        impl $name {
            /// The key with this seed. The caller wipes its own copy.
            pub fn from_seed(seed: &[u8; 32]) -> Self {
                Self(KeyPairOf::new(seed))
            }

            pub(crate) fn from_derived(seed: &SigningSeed) -> Self {
                Self::from_seed(seed.expose())
            }

            /// The public half.
            pub fn public(&self) -> [u8; 32] {
                self.0.public()
            }

            /// The Ed25519 signature of `message`, which must begin with a label that no other message begins with.
            pub fn sign(&self, message: &[u8]) -> [u8; 64] {
                self.0.sign(message)
            }
        }

        impl Signer for $name {
            fn public(&self) -> [u8; 32] {
                self.0.public()
            }

            fn sign(&self, message: &[u8]) -> [u8; 64] {
                self.0.sign(message)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

signing_key! {
    /// The person herself: signs create, recover and new words. Exists only while the words are at hand.
    RootSigningKey
}

signing_key! {
    /// The account's key of one generation: signs links of the sigchain.
    AccountSigningKey
}

signing_key! {
    /// One device's key: signs every entry that it writes, and its logins.
    DeviceSigningKey
}

signing_key! {
    /// The key by which the server knows a writer of an epoch. It proves no author.
    EpochWriteKey
}

signing_key! {
    /// The key by which the server knows one who may append to an epoch and no more. It proves no author.
    EpochAppendKey
}

signing_key! {
    /// The key by which the server knows an admin of an epoch. It proves no author.
    EpochAdminKey
}

signing_key! {
    /// The key by which a key service signs checkpoints of its audit log.
    AuditSigningKey
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn published_vector() {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = RootSigningKey::from_seed(seed.as_slice().try_into().unwrap());
        let public = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert_eq!(key.public().to_vec(), public);
        let signature = hex(concat!(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ));
        assert_eq!(key.sign(&[0x72]).to_vec(), signature);
        assert_eq!(Signer::sign(&key, &[0x72]).to_vec(), signature);
    }
}
