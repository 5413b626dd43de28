//! What is encrypted, decrypted, or encrypted anew.

use super::items::{Batched, Items};
use crate::json::{Fields, Value};
use crate::word::{Ciphertext, Octets, Word, words};
use crate::wrong::Wrong;

words! {
    /// What to encrypt.
    pub struct EncryptItem {
        /// May be empty.
        pub plaintext: Octets = Err(Wrong::Said("missing plaintext to encrypt"))?,
        /// For derived keys, and for them always.
        pub context: Option<Octets>,
        /// Bound to the ciphertext; needed again to decrypt.
        pub associated_data: Option<Octets>,
        /// The latest if absent.
        pub key_version: Option<u32>,
    }

    /// What to decrypt.
    pub struct DecryptItem {
        /// As `encrypt` gave it.
        pub ciphertext: Ciphertext = Err(Wrong::Said("missing ciphertext to decrypt"))?,
        /// As it was when it was encrypted.
        pub context: Option<Octets>,
        /// As it was when it was encrypted.
        pub associated_data: Option<Octets>,
    }

    /// What to encrypt anew under the same key.
    pub struct RewrapItem {
        /// As `encrypt` gave it.
        pub ciphertext: Ciphertext = Err(Wrong::Said("missing ciphertext to decrypt"))?,
        /// As it was, and stays.
        pub context: Option<Octets>,
        /// As it was, and stays.
        pub associated_data: Option<Octets>,
        /// The latest if absent.
        pub key_version: Option<u32>,
    }

    /// What to encrypt anew under another key.
    pub struct TranslateItem {
        /// As `encrypt` gave it under the source.
        pub ciphertext: Ciphertext = Err(Wrong::Said("missing ciphertext to decrypt"))?,
        /// Under the source.
        pub context: Option<Octets>,
        /// Under the source.
        pub associated_data: Option<Octets>,
        /// Under the target; that of the source if absent and the target takes one.
        pub target_context: Option<Octets>,
        /// Under the target; that of the source if absent and the target takes some.
        pub target_associated_data: Option<Octets>,
        /// Of the target; the latest if absent.
        pub key_version: Option<u32>,
    }

    /// A random key, sealed as if it were a plaintext.
    #[derive(Default)]
    pub struct DataKey {
        /// Its length.
        pub bits: DataKeyBits = DataKeyBits::default(),
        /// For derived keys, and for them always.
        pub context: Option<Octets>,
        /// Bound to the sealed key.
        pub associated_data: Option<Octets>,
        /// The latest if absent.
        pub key_version: Option<u32>,
    }

    /// With which settings a missing key is made by `encrypt`, where the service does that at all.
    #[derive(Default)]
    pub struct Upsert {
        /// Its type; the service's default if absent.
        pub key_type as "type": Option<String>,
        /// Equal plaintexts give equal ciphertexts.
        pub convergent_encryption: Option<bool>,
    }
}

/// The length of a data key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DataKeyBits {
    /// 16 bytes.
    B128,
    /// 32 bytes.
    #[default]
    B256,
    /// 64 bytes.
    B512,
}

impl DataKeyBits {
    /// The number of bits.
    pub const fn bits(self) -> u32 {
        match self {
            Self::B128 => 128,
            Self::B256 => 256,
            Self::B512 => 512,
        }
    }
}

impl serde::Serialize for DataKeyBits {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.bits())
    }
}

impl Word for DataKeyBits {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        match u32::from_value(field, value)? {
            128 => Ok(Self::B128),
            256 => Ok(Self::B256),
            512 => Ok(Self::B512),
            _ => Err(Wrong::Said("invalid bit length")),
        }
    }
}

/// Which status an answer has in which some items succeeded and some did not; 200 to 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialStatus(u16);

impl PartialStatus {
    /// The status, if it is in range.
    pub fn new(status: u16) -> Option<Self> {
        (200..600).contains(&status).then_some(Self(status))
    }

    /// The status.
    pub const fn status(self) -> u16 {
        self.0
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Result<Option<Self>, Wrong> {
        fields.take("partial_failure_response_code")
    }
}

impl serde::Serialize for PartialStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.0)
    }
}

impl Word for PartialStatus {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        let status = u16::from_value(field, value).ok().and_then(Self::new);
        status.ok_or(Wrong::Type {
            field,
            expected: "a status from 200 to 599",
        })
    }
}

/// Items of an operation whose status says whether all succeeded.
#[derive(Debug)]
pub struct Crypt<T> {
    /// What it is done to.
    pub items: Items<T>,
    /// The status of an answer in which some succeeded and some did not.
    pub partial: Option<PartialStatus>,
}

impl<T> From<Items<T>> for Crypt<T> {
    fn from(items: Items<T>) -> Self {
        Self { items, partial: None }
    }
}

impl<T> Crypt<T> {
    pub(crate) fn read(fields: &Fields<'_>, most: usize) -> Result<Self, Wrong>
    where
        T: Batched,
    {
        Ok(Self {
            items: Items::read(fields, most)?,
            partial: PartialStatus::read(fields)?,
        })
    }

    pub(crate) fn write<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>
    where
        T: Batched,
    {
        if let Some(partial) = &self.partial {
            map.serialize_entry("partial_failure_response_code", partial)?;
        }
        self.items.write(map)
    }
}

impl Batched for EncryptItem {
    const SAME_CONTEXT: bool = true;
}
impl Batched for DecryptItem {
    const SAME_CONTEXT: bool = true;
}
impl Batched for RewrapItem {
    const SAME_CONTEXT: bool = true;
}
impl Batched for TranslateItem {
    const SAME_CONTEXT: bool = true;
}
