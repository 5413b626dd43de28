//! From one state of a key to the next, by way of the disk.

use std::sync::Arc;

use crannog_seal::keyd::StoreKey;
use rand_core::CryptoRng;

use super::Key;
use crate::StoreId;
use crate::error::KeyError;
use crate::name::KeyName;
use crate::record;

/// The next state of a key, not yet sealed. Nothing of it can be used before [`seal`](Self::seal), and nothing that `seal` gives
/// before its files are on disk.
#[derive(Debug)]
pub struct Change {
    pub(super) key: Key,
    /// Versions whose secrets are not on disk yet.
    pub(super) fresh: Vec<u32>,
    pub(super) removes: Vec<u32>,
}

/// A file of a key's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFile {
    /// `key`, or `v` and at least six digits.
    pub name: String,
    /// All of it: header and box.
    pub bytes: Vec<u8>,
}

/// What must be on disk before `key` counts, in the order of *Order of a change*.
#[derive(Debug)]
pub struct Commit {
    /// The next state. Used, and shown to anybody, only after `files` and the head were synced.
    pub key: Arc<Key>,
    /// To be written one after the other; the last one is `key`, whose rename is the moment of the change.
    pub files: Vec<RecordFile>,
    /// Versions whose files are then overwritten and removed.
    pub removes: Vec<u32>,
}

impl Change {
    pub(super) fn new(key: Key, fresh: Vec<u32>) -> Self {
        Self {
            key,
            fresh,
            removes: Vec::new(),
        }
    }

    /// Seals the records of the next state. `store_generation` is that of the head which will follow: one more than the present one.
    pub fn seal(
        mut self,
        store: &StoreKey,
        id: &StoreId,
        store_generation: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Commit, KeyError> {
        let mut files = Vec::with_capacity(self.fresh.len() + 1);
        for number in self.fresh {
            let (file, hash) = record::seal_version(store, id, &self.key, number, rng)?;
            if let Some(version) = self.key.versions.iter_mut().find(|v| v.entry.version == number) {
                version.entry.hash = hash;
            }
            files.push(file);
        }
        files.push(record::seal_key(store, id, &self.key, store_generation, rng)?);
        Ok(Commit {
            key: Arc::new(self.key),
            files,
            removes: self.removes,
        })
    }

    /// The key's name.
    pub const fn name(&self) -> &KeyName {
        &self.key.name
    }

    /// The generation of the key after the change.
    pub const fn generation(&self) -> u64 {
        self.key.generation
    }
}
