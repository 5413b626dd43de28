//! Types of keys, and what is fixed when a key is made.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::error::KeyError;

macro_rules! key_types {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// A type of keys. Its number is written into records and never used anew.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum KeyType { $($(#[$doc])* $name = $number,)* }

        impl KeyType {
            /// All types, by number.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The type of this name.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The number in records.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The type of this number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

key_types! {
    /// XAES-256-GCM with the commitment of KC-XAES: what new keys are.
    Xaes256Gcm = 1, "xaes256-gcm";
    /// AES-256-GCM with random nonces, whose uses are counted.
    Aes256Gcm96 = 2, "aes256-gcm96";
    /// XChaCha20-Poly1305.
    XChaCha20Poly1305 = 3, "xchacha20-poly1305";
    /// AES-256-GCM-SIV, convergent: equal input, equal ciphertext.
    Aes256GcmSiv = 4, "aes256-gcm-siv";
    /// RSA of 3,072 bits: OAEP, PSS, PKCS#1 v1.5 signatures.
    Rsa3072 = 5, "rsa-3072";
    /// RSA of 4,096 bits.
    Rsa4096 = 6, "rsa-4096";
    /// Ed25519, pure.
    Ed25519 = 7, "ed25519";
    /// ECDSA on P-256.
    EcdsaP256 = 8, "ecdsa-p256";
    /// ECDSA on P-384.
    EcdsaP384 = 9, "ecdsa-p384";
    /// ML-DSA-65, pure, empty context.
    MlDsa65 = 10, "ml-dsa-65";
    /// HMAC with a key of 32 to 512 bytes.
    Hmac = 11, "hmac";
    /// Tokens of the Python service: decrypted, never made.
    Fernet = 12, "fernet";
}

/// What a type does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Encrypts.
    pub encrypt: bool,
    /// Decrypts.
    pub decrypt: bool,
    /// Signs and verifies.
    pub sign: bool,
    /// A context may be mixed into the key.
    pub derive: bool,
    /// Associated data is authenticated.
    pub associated_data: bool,
}

impl KeyType {
    /// What the type does. Every type makes HMACs.
    pub const fn can(self) -> Abilities {
        use KeyType::*;
        Abilities {
            encrypt: self.is_symmetric() || self.is_rsa(),
            decrypt: self.is_symmetric() || self.is_rsa() || matches!(self, Fernet),
            sign: self.is_rsa() || matches!(self, Ed25519 | EcdsaP256 | EcdsaP384 | MlDsa65),
            derive: self.is_symmetric() || matches!(self, Ed25519),
            associated_data: self.is_symmetric(),
        }
    }

    /// Whether each encryption must be counted on disk before (KEY-007).
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Aes256Gcm96)
    }

    pub(crate) const fn is_symmetric(self) -> bool {
        matches!(
            self,
            Self::Xaes256Gcm | Self::Aes256Gcm96 | Self::XChaCha20Poly1305 | Self::Aes256GcmSiv
        )
    }

    pub(crate) const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa3072 | Self::Rsa4096)
    }
}

/// What was fixed when the key was made. It stands in the header of each of its records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Policy {
    /// Each operation brings a context, from which its key is derived.
    pub derived: bool,
    /// Equal input gives equal ciphertexts; always and only with `aes256-gcm-siv`.
    pub convergent: bool,
    /// The private half may be exported (KEY-013).
    pub exportable: bool,
    /// The key may be backed up (KEY-013).
    pub plaintext_backup: bool,
    /// The key came from outside.
    pub imported: bool,
    /// An imported key may be rotated.
    pub rotate_imported: bool,
    /// Length of an HMAC key in bytes, 32 to 512; 0 for other types.
    pub key_size: u16,
}

/// What a new key is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// Its type.
    pub key_type: KeyType,
    /// What never changes. `imported` is set by the import itself.
    pub policy: Policy,
    /// Rotated when its latest version is that old, in seconds; 0 for never, else at least an hour.
    pub rotate_seconds: u64,
    /// Whether it may be deleted.
    pub deletion_allowed: bool,
}

impl KeySpec {
    /// A key of this type with no right of its own: not exportable, not derived, never rotated by itself.
    pub fn new(key_type: KeyType) -> Self {
        let policy = Policy {
            convergent: key_type == KeyType::Aes256GcmSiv,
            key_size: if key_type == KeyType::Hmac { 32 } else { 0 },
            ..Policy::default()
        };
        Self {
            key_type,
            policy,
            rotate_seconds: 0,
            deletion_allowed: false,
        }
    }

    /// Whether type and policy go together.
    pub(crate) fn check(&self) -> Result<(), KeyError> {
        let Self { key_type, policy, .. } = self;
        if policy.derived && !key_type.can().derive {
            return Err(KeyError::DerivationUnsupported(key_type.as_str()));
        }
        if policy.convergent != (*key_type == KeyType::Aes256GcmSiv) {
            return Err(KeyError::ConvergentUnsupported);
        }
        let size_fits = match key_type {
            KeyType::Hmac => (32..=512).contains(&policy.key_size),
            _ => policy.key_size == 0,
        };
        if !size_fits {
            return Err(KeyError::KeySize);
        }
        check_period(self.rotate_seconds)
    }
}

/// A period of rotation is 0 or at least an hour.
pub(crate) fn check_period(seconds: u64) -> Result<(), KeyError> {
    if (1..3600).contains(&seconds) {
        Err(KeyError::RotatePeriod)
    } else {
        Ok(())
    }
}
