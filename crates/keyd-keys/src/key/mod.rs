//! One key: its settings and all its versions, immutable. What changes it gives a [`Change`].

mod change;
mod encrypt;
mod export;
mod make;
mod material;
mod sign;
mod versions;

use core::fmt;
use std::sync::Arc;

pub use self::change::{Change, Commit, RecordFile};
pub use self::encrypt::{Cipher, DataKeyBits, Plain, Sealed, translate};
pub use self::export::{Description, ExportKind, Exported, ExportedText, Format, VersionDescription};
pub(crate) use self::material::Material;
pub use self::sign::{MacToVerify, Signature, ToMac, ToSign, ToVerify};
pub use self::versions::{ConfigWish, RotateReason};

use crate::KeyId;
use crate::error::KeyError;
use crate::key_type::{KeyType, Policy};
use crate::name::KeyName;
use crate::record::{Settings, VersionEntry};

/// A key with its settings and versions. Immutable: shared behind [`Arc`], replaced as a whole.
#[derive(Clone)]
pub struct Key {
    pub(crate) id: KeyId,
    pub(crate) name: KeyName,
    pub(crate) key_type: KeyType,
    pub(crate) policy: Policy,
    pub(crate) settings: Settings,
    pub(crate) generation: u64,
    /// Ascending without a gap, from `min_available` to `latest`.
    pub(crate) versions: Vec<Version>,
}

/// One version: what its key says about it, and its secrets.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) entry: VersionEntry,
    pub(crate) material: Arc<Material>,
}

impl Key {
    /// The id that it keeps for life.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Its name.
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// Its type.
    pub const fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// What was fixed when it was made.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Counts its changes; 1 when it was made.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The latest version.
    pub const fn latest(&self) -> u32 {
        self.settings.latest
    }

    /// Whether it may be deleted.
    pub const fn deletion_allowed(&self) -> bool {
        self.settings.deletion_allowed
    }

    /// Whether the key has this version: another version file is left over and may go.
    pub fn has(&self, version: u32) -> bool {
        self.version(version).is_some()
    }

    /// How many uses of a version are reserved on disk; `None` if uses of this type are not counted, or without such a version.
    pub fn reserved(&self, version: u32) -> Option<u64> {
        let version = self.version(version)?;
        self.key_type.is_counted().then_some(version.entry.reserved)
    }

    pub(crate) fn version(&self, number: u32) -> Option<&Version> {
        let first = self.versions.first()?.entry.version;
        self.versions.get(number.checked_sub(first)? as usize)
    }

    /// The version to encrypt or sign with: the latest, or the one asked for, if the settings allow it.
    fn version_to_use(&self, wanted: Option<u32>, word: &'static str) -> Result<&Version, KeyError> {
        let number = match wanted {
            None | Some(0) => self.settings.latest,
            Some(number) => number,
        };
        if number > self.settings.latest {
            return Err(KeyError::VersionTooHigh(word));
        }
        if number < self.settings.min_encryption {
            return Err(KeyError::VersionTooLow(word));
        }
        self.version(number).ok_or(KeyError::VersionTooLow(word))
    }

    /// The version that a text names, if the settings still allow it.
    fn version_to_open(&self, number: u32, too_new: KeyError) -> Result<&Version, KeyError> {
        if number > self.settings.latest {
            return Err(too_new);
        }
        if number < self.settings.min_decryption {
            return Err(KeyError::TooOld);
        }
        self.version(number).ok_or(KeyError::TooOld)
    }

    /// KEY-005: a context goes with a derived key, and with no other. An empty one is none.
    fn context<'a>(&self, given: Option<&'a [u8]>) -> Result<Option<&'a [u8]>, KeyError> {
        match (self.policy.derived, given.filter(|context| !context.is_empty())) {
            (true, None) => Err(KeyError::ContextMissing),
            (false, Some(_)) => Err(KeyError::ContextUnwanted),
            (_, given) => Ok(given),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name.as_str())
            .field("type", &self.key_type.as_str())
            .field("latest", &self.settings.latest)
            .finish_non_exhaustive()
    }
}
