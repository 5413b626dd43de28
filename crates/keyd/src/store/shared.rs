//! What everybody who uses an open store shares.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crannog_keyd_keys::{Key, KeyName, StoreId};
use crannog_seal::keyd::StoreKey;

use super::disk::Disk;
use super::error::{Damage, StoreError};
use super::places;
use super::witness::Witness;

/// A key of the head.
#[derive(Debug, Clone)]
pub(super) enum Held {
    Whole(Arc<Key>),
    Damaged(Damage),
}

pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) key: StoreKey,
    pub(super) id: StoreId,
    pub(super) witness: Option<Witness>,
    pub(super) keys: RwLock<BTreeMap<KeyName, Held>>,
    generation: AtomicU64,
    temporaries: AtomicU64,
}

impl Shared {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        key: StoreKey,
        id: StoreId,
        witness: Option<Witness>,
        keys: BTreeMap<KeyName, Held>,
        generation: u64,
    ) -> Self {
        Self {
            disk,
            key,
            id,
            witness,
            keys: RwLock::new(keys),
            generation: AtomicU64::new(generation),
            temporaries: AtomicU64::new(0),
        }
    }

    /// The key of this name, on disk as it is given.
    pub(super) fn get(&self, name: &KeyName) -> Result<Arc<Key>, StoreError> {
        match self.keys.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            Some(Held::Whole(key)) => Ok(key.clone()),
            Some(Held::Damaged(_)) => Err(StoreError::Damaged),
            None => Err(StoreError::NoKey),
        }
    }

    /// That of the head on disk.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Shows everybody what is now on disk.
    pub(super) fn publish(&self, generation: u64, name: &KeyName, key: Option<Arc<Key>>) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        match key {
            Some(key) => keys.insert(name.clone(), Held::Whole(key)),
            None => keys.remove(name),
        };
        self.generation.store(generation, Ordering::Release);
    }

    /// A name for a file that is not yet whole.
    pub(super) fn temporary(&self) -> String {
        places::temporary(self.temporaries.fetch_add(1, Ordering::Relaxed))
    }
}
