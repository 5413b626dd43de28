//! How keys are shown.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::json::Value;
use crate::word::{Word, words};
use crate::wrong::Wrong;

words! {
    /// A key without its secrets.
    pub struct KeyObject {
        /// Its name.
        pub name: String,
        /// Its type.
        pub key_type as "type": String,
        /// Each use brings a context.
        pub derived: bool,
        /// It may be deleted.
        pub deletion_allowed: bool,
        /// It may leave the service.
        pub exportable: bool,
        /// It may be backed up.
        pub allow_plaintext_backup: bool,
        /// It, or a version of it, was made elsewhere.
        pub imported_key: bool,
        /// Never here.
        pub soft_deleted: bool,
        /// The highest version.
        pub latest_version: u32,
        /// Below it nothing is left; 0 before the first trim.
        pub min_available_version: u32,
        /// Below it nothing is opened or verified.
        pub min_decryption_version: u32,
        /// Below it nothing is encrypted or signed; 0: only with the latest.
        pub min_encryption_version: u32,
        /// Seconds; 0 is never.
        pub auto_rotate_period: u64,
        /// What the type does.
        pub supports_encryption: bool,
        /// What the type does.
        pub supports_decryption: bool,
        /// What the type does.
        pub supports_signing: bool,
        /// What the type does.
        pub supports_derivation: bool,
        /// The versions from `min_decryption_version` on, by number in decimal.
        pub keys: BTreeMap<String, VersionObject>,
        /// Of an imported key.
        pub imported_key_allow_rotation: Option<bool>,
        /// Bytes, of `hmac`.
        pub key_size: Option<u16>,
        /// Of a derived key: `hkdf_sha256`.
        pub kdf: Option<String>,
        /// Of a derived key: empty.
        pub kdf_mode: Option<String>,
        /// Of a derived key.
        pub convergent_encryption: Option<bool>,
        /// Of a convergent key: 3.
        pub convergent_encryption_version: Option<u32>,
        /// Reserved uses by version, of `aes256-gcm96`.
        pub uses: Option<BTreeMap<String, u64>>,
    }

    /// A version that has a public half.
    pub struct PublicVersion {
        /// The name of the algorithm or curve.
        pub name: String,
        /// As exported.
        pub public_key: String,
        /// RFC 3339, UTC.
        pub creation_time: String,
    }

    /// Names of keys, ascending.
    pub struct KeyNames {
        /// The names.
        pub keys: Vec<String>,
    }

    /// The settings of all keys.
    pub struct KeysConfig {
        /// `encrypt` never makes a key.
        pub disable_upsert: bool,
    }
}

/// A version without its secret.
#[derive(Debug)]
pub enum VersionObject {
    /// Symmetric: when it was made, in seconds since 1970.
    Made(u64),
    /// With a public half.
    Public(PublicVersion),
}

impl Serialize for VersionObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Made(seconds) => serializer.serialize_u64(*seconds),
            Self::Public(version) => version.serialize(serializer),
        }
    }
}

impl Word for VersionObject {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        match value {
            Value::Object(_) => PublicVersion::from_value(field, value).map(Self::Public),
            _ => u64::from_value(field, value).map(Self::Made),
        }
    }
}
