//! What is said about keys.

use crate::word::{Octets, Seconds, SecretText, choices, words};
use crate::wrong::Wrong;

words! {
    /// How a key is made.
    #[derive(Default)]
    pub struct CreateKey {
        /// Its type; the service's default if absent.
        pub key_type as "type": Option<String>,
        /// Each use brings a context.
        pub derived: bool = false,
        /// Equal plaintexts give equal ciphertexts.
        pub convergent_encryption: bool = false,
        /// It may leave the service. Irrevocable.
        pub exportable: bool = false,
        /// It may be backed up. Irrevocable.
        pub allow_plaintext_backup: bool = false,
        /// 0, or at least an hour.
        pub auto_rotate_period: Option<Seconds>,
        /// Bytes, for `hmac`.
        pub key_size: Option<u16>,
        /// It may be deleted.
        pub deletion_allowed: bool = false,
    }

    /// What to change about a key; what is absent stays.
    #[derive(Default)]
    pub struct ConfigKey {
        /// Below it nothing is opened or verified.
        pub min_decryption_version: Option<u32>,
        /// Below it nothing is encrypted or signed; 0: only with the latest.
        pub min_encryption_version: Option<u32>,
        /// It may be deleted.
        pub deletion_allowed: Option<bool>,
        /// 0, or at least an hour.
        pub auto_rotate_period: Option<Seconds>,
        /// Refused if it would change.
        pub exportable: Option<bool>,
        /// Refused if it would change.
        pub allow_plaintext_backup: Option<bool>,
    }

    /// Which versions go for good.
    pub struct TrimKey {
        /// All below it.
        pub min_available_version: u32 = Err(Wrong::Said("missing min_available_version"))?,
    }

    /// How a key is shown.
    #[derive(Default)]
    pub struct ReadKey {
        /// Shows the public key that is derived with it.
        pub context: Option<Octets>,
    }

    /// A key that was made elsewhere.
    pub struct ImportKey {
        /// RSAES-OAEP(wrapping key, AES key) || AES-KWP(AES key, material).
        pub ciphertext: Octets = Err(Wrong::Said("missing ciphertext to import"))?,
        /// Of OAEP and its MGF1.
        pub hash_function: ImportHash = ImportHash::Sha256,
        /// Its type; the service's default if absent.
        pub key_type as "type": Option<String>,
        /// It may be rotated here.
        pub allow_rotation: bool = false,
        /// Each use brings a context.
        pub derived: bool = false,
        /// It may leave the service. Irrevocable.
        pub exportable: bool = false,
        /// It may be backed up. Irrevocable.
        pub allow_plaintext_backup: bool = false,
        /// 0, or at least an hour.
        pub auto_rotate_period: Option<Seconds>,
    }

    /// A version that was made elsewhere.
    pub struct ImportVersion {
        /// As in [`ImportKey`].
        pub ciphertext: Octets = Err(Wrong::Said("missing ciphertext to import"))?,
        /// Of OAEP and its MGF1.
        pub hash_function: ImportHash = ImportHash::Sha256,
    }

    /// A backup to be opened.
    pub struct Restore {
        /// As `backup` gave it.
        pub backup: SecretText,
        /// Deletes a key of that name first.
        pub force: bool = false,
    }
}

choices! {
    /// The hash of an import's OAEP.
    pub enum ImportHash: Unknown("unsupported hash function") {
        /// SHA-1. Its weakness does not touch OAEP.
        Sha1 = "SHA1",
        /// SHA-256.
        Sha256 = "SHA256",
        /// SHA-384.
        Sha384 = "SHA384",
        /// SHA-512.
        Sha512 = "SHA512",
    }
}

choices! {
    /// Which half of which key is exported.
    pub enum ExportKind: Unknown("invalid export type") {
        /// What encrypts and decrypts.
        EncryptionKey = "encryption-key",
        /// What signs.
        SigningKey = "signing-key",
        /// What makes HMACs.
        HmacKey = "hmac-key",
        /// What verifies, or encrypts to an RSA key.
        PublicKey = "public-key",
    }
}

choices! {
    /// How an exported key is written, where the usual form is not wanted.
    pub enum ExportFormat: Unknown("invalid format") {
        /// PKCS#8, PEM.
        Pem = "pem",
        /// PKCS#8, base64 of DER.
        Der = "der",
    }
}

/// Which version is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportVersion {
    /// The highest.
    Latest,
    /// This one.
    Number(u32),
}

impl ExportVersion {
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        crate::word::decimal(text)
            .and_then(|number| number.try_into().ok())
            .map(Self::Number)
            .ok_or(Wrong::Said("invalid key version"))
    }
}
