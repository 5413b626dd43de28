//! The store: keys on disk, and the order in which they get there.
//!
//! ```text
//!  StateDir ── unlock_file ─► store key ─► Store::open ─► Findings: what broke off, what is damaged
//!   (lock)                                   │ get, names      from memory
//!                                            │ commit, delete  one writer: versions, key, head, witness
//!                                            └ take_uses       counted on disk before they are granted
//! ```
//!
//! What was told is on disk; what was not told happened as a whole or not at all, wherever the power goes.

mod anchor;
mod disk;
mod error;
mod open;
mod places;
mod shared;
mod state_dir;
#[cfg(test)]
mod tests;
mod uses;
mod witness;
mod writer;

use std::sync::{Arc, PoisonError};

use borsh::BorshDeserialize;
use crannog_keyd_keys::{Change, Key, KeyName, RecordHeader, RecordKind, StoreId, UnlockFile, open_record};
use crannog_seal::keyd::{AuditRoot, StoreKey};
use tokio::task::spawn_blocking;

pub use self::anchor::SealedAnchor;
pub use self::error::{Damage, StoreError};
pub use self::open::Findings;
pub use self::state_dir::StateDir;
pub use self::uses::ReservationListener;
pub use self::witness::Witness;

use self::shared::{Held, Shared};
use self::writer::Writer;

/// An open store. Clones are the same store; it stays locked until the last one is dropped.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    writer: Arc<tokio::sync::Mutex<Writer>>,
    counters: Arc<uses::Counters>,
}

impl Store {
    /// Opens the store, and mends what a break-off left. That `key` is the right one is seen from the head. Blocks.
    pub fn open(
        dir: StateDir,
        key: StoreKey,
        witness: Option<Witness>,
    ) -> Result<(Self, Findings), StoreError> {
        let id = dir.unlock_file()?.store();
        let opened = open::open(&*dir.disk, &key, &id, witness.as_ref())?;
        let generation = opened.head.generation();
        let shared = Shared::new(dir.disk, key, id, witness, opened.keys, generation);
        let store = Self {
            shared: Arc::new(shared),
            writer: Arc::new(tokio::sync::Mutex::new(Writer::new(opened.head))),
            counters: Arc::default(),
        };
        Ok((store, opened.findings))
    }

    /// The store's random id.
    pub fn id(&self) -> StoreId {
        self.shared.id
    }

    /// The store key, to derive from it or to seal it anew.
    pub fn key(&self) -> &StoreKey {
        &self.shared.key
    }

    /// Counts the changes that are on disk.
    pub fn generation(&self) -> u64 {
        self.shared.generation()
    }

    /// The key of this name, in the state that is on disk. [`NoKey`](StoreError::NoKey) if there is none,
    /// [`Damaged`](StoreError::Damaged) if it cannot be used.
    pub fn get(&self, name: &KeyName) -> Result<Arc<Key>, StoreError> {
        self.shared.get(name)
    }

    /// The names of all keys but the wrapping key, ascending; those of damaged keys too.
    pub fn names(&self) -> Vec<KeyName> {
        let keys = self.shared.keys.read().unwrap_or_else(PoisonError::into_inner);
        let wrapping = KeyName::wrapping();
        keys.keys().filter(|name| **name != wrapping).cloned().collect()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        let keys = self.shared.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys that cannot be used, and why.
    pub fn damaged(&self) -> Vec<(KeyName, Damage)> {
        let keys = self.shared.keys.read().unwrap_or_else(PoisonError::into_inner);
        let damage = |(name, held): (&KeyName, &Held)| match held {
            Held::Damaged(damage) => Some((name.clone(), *damage)),
            Held::Whole(_) => None,
        };
        keys.iter().filter_map(damage).collect()
    }

    /// Makes or changes a key; on disk, and seen by everybody, when it returns. It goes on to its end when the caller goes away.
    ///
    /// [`Changed`](StoreError::Changed) if another change came between: plan it anew on what [`get`](Self::get) gives now.
    pub async fn commit(&self, change: Change) -> Result<Arc<Key>, StoreError> {
        self.write(move |writer, shared| writer.commit(shared, change))
            .await
    }

    /// Deletes a key. `seen` is the state in which the caller found that it may be deleted:
    /// [`Changed`](StoreError::Changed) if it is no longer that.
    pub async fn delete(&self, seen: &Arc<Key>) -> Result<(), StoreError> {
        let seen = seen.clone();
        self.write(move |writer, shared| writer.delete(shared, &seen))
            .await
    }

    /// What the store key is sealed in, as it is now on disk.
    pub async fn unlock_file(&self) -> Result<UnlockFile, StoreError> {
        let shared = self.shared.clone();
        let read = spawn_blocking(move || state_dir::unlock_file(&*shared.disk)).await;
        read.unwrap_or(Err(StoreError::Broken))
    }

    /// What the audit log's keys come from. Blocks.
    pub fn audit_root(&self) -> Result<AuditRoot, StoreError> {
        let shared = &self.shared;
        let read = shared.disk.read(places::AUDIT_ROOT);
        let bytes = read.map_err(StoreError::io("read the audit root"))?;
        let kind = RecordKind::AuditRoot;
        let expected = RecordHeader::of_store(&shared.id, kind, 1);
        let (_, plain) = open_record(&shared.key, kind, &expected, &bytes.unwrap_or_default())
            .map_err(StoreError::AuditRoot)?;
        AuditRoot::try_from_slice(plain.expose()).map_err(StoreError::io("decode the audit root"))
    }

    /// Where the audit log of this store keeps its anchor.
    pub fn anchor(&self) -> SealedAnchor {
        SealedAnchor(self.shared.clone())
    }

    /// Runs `work` as the one writer, on a thread that may block.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer, &Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer.clone().lock_owned().await;
        let shared = self.shared.clone();
        let done = spawn_blocking(move || work(&mut writer, &shared)).await;
        done.unwrap_or(Err(StoreError::Broken))
    }
}
