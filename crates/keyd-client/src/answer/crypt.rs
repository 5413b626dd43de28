//! What comes of plaintexts, ciphertexts and messages.

use std::collections::BTreeMap;

use crate::word::{Ciphertext, Octets, SecretText, words};

words! {
    /// Encrypted.
    pub struct Encrypted {
        /// To be stored as it is.
        pub ciphertext: Ciphertext,
        /// Of the key.
        pub key_version: u32,
    }

    /// Decrypted.
    pub struct Decrypted {
        /// The plaintext.
        pub plaintext: Octets,
    }

    /// A data key.
    pub struct NewDataKey {
        /// Sealed.
        pub ciphertext: Ciphertext,
        /// Of the key that sealed it.
        pub key_version: u32,
        /// In the clear, if it was asked for.
        pub plaintext: Option<Octets>,
    }

    /// Signed.
    pub struct Signed {
        /// `vault:v` version `:` base64, or base64url.
        pub signature: String,
        /// Of the key.
        pub key_version: u32,
        /// Base64; of a derived key.
        pub public_key: Option<String>,
    }

    /// Verified.
    pub struct Verified {
        /// Whether signature or HMAC fits.
        pub valid: bool,
    }

    /// An HMAC was made.
    pub struct NewHmac {
        /// `vault:v` version `:` base64.
        pub hmac: String,
    }

    /// Random bytes.
    pub struct RandomBytes {
        /// In the format that was asked for.
        pub random_bytes: SecretText,
    }

    /// A digest.
    pub struct Sum {
        /// In the format that was asked for.
        pub sum: String,
    }

    /// An exported key.
    pub struct ExportedKey {
        /// Its name.
        pub name: String,
        /// Its type.
        pub key_type as "type": String,
        /// By version, in decimal.
        pub keys: BTreeMap<String, SecretText>,
    }

    /// A backup.
    pub struct Backup {
        /// Sealed; says nothing to who has neither store key nor recovery key.
        pub backup: SecretText,
    }

    /// The key that imports are wrapped to.
    pub struct WrappingKey {
        /// RSA-4096, PEM.
        pub public_key: String,
    }
}
