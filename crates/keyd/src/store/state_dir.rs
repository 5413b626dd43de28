//! The state directory before anybody has the store key.

use std::path::Path;
use std::sync::Arc;

use borsh::BorshSerialize;
use crannog_keyd_keys::{Head, Millis, RecordHeader, RecordKind, UnlockFile, seal_record};
use crannog_seal::keyd::{AuditRoot, StoreKey};
use zeroize::Zeroizing;

use super::disk::{Directory, Disk};
use super::error::StoreError;
use super::places;

/// A state directory that this process has locked: whoever opens it next, in this process or another, is told that it is in use
/// until this is dropped.
pub struct StateDir {
    pub(super) disk: Arc<dyn Disk>,
}

impl StateDir {
    /// Locks a folder that exists.
    pub fn lock(path: &Path) -> Result<Self, StoreError> {
        let locked = Directory::locked(path, places::LOCK).map_err(StoreError::io("lock the store"))?;
        match locked {
            Some(directory) => Ok(Self {
                disk: Arc::new(directory),
            }),
            None => Err(StoreError::InUse),
        }
    }

    /// A store on a disk of its own.
    #[cfg(test)]
    pub(super) fn on(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// What the store key is sealed in.
    pub fn unlock_file(&self) -> Result<UnlockFile, StoreError> {
        unlock_file(&*self.disk)
    }

    /// Puts another unlocking file in place of the old one. It **must** have been opened once: an unlocking file that does not
    /// open loses the store.
    pub fn replace_unlock_file(&self, file: &UnlockFile) -> Result<(), StoreError> {
        if file.store() != self.unlock_file()?.store() {
            return Err(StoreError::Occupied);
        }
        self.put(places::UNLOCK, &file.to_bytes().map_err(StoreError::Unlock)?)
    }

    /// Makes an empty store that `unlock` opens with `key`. The unlocking file comes last: where it is, the store is whole, and one
    /// that was broken off is made again.
    pub fn make(&self, key: &StoreKey, unlock: &UnlockFile, now: Millis) -> Result<(), StoreError> {
        let making = StoreError::io("make the store");
        for folder in [places::KEYS, places::WRAPPING, places::AUDIT] {
            if !self.disk.list(folder).map_err(&making)?.is_empty() {
                return Err(StoreError::Occupied);
            }
        }
        if self.disk.read(places::UNLOCK).map_err(&making)?.is_some() {
            return Err(StoreError::Occupied);
        }
        for folder in [places::KEYS, places::AUDIT, places::TMP] {
            self.disk.make_folder(folder).map_err(&making)?;
        }
        self.disk.sync(places::TOP).map_err(&making)?;

        let (id, mut rng) = (unlock.store(), rand::rng());
        let kind = RecordKind::AuditRoot;
        let header = RecordHeader::of_store(&id, kind, 1);
        let mut root = Zeroizing::new(Vec::with_capacity(32));
        AuditRoot::generate(&mut rng)
            .serialize(&mut *root)
            .map_err(&making)?;
        let root = seal_record(key, kind, &header, &root, &mut rng).map_err(StoreError::AuditRoot)?;
        self.put(places::AUDIT_ROOT, &root)?;
        let head = Head::new(now)
            .seal(key, &id, &mut rng)
            .map_err(StoreError::Head)?;
        self.put(places::HEAD, &head)?;
        self.put(places::UNLOCK, &unlock.to_bytes().map_err(StoreError::Unlock)?)
    }

    /// Writes a file of the state directory, beside and then by rename. Nobody else writes meanwhile.
    fn put(&self, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let writing = StoreError::io("write a file of the store");
        let temporary = format!("{}/{file}.next", places::TMP);
        self.disk.write(&temporary, bytes).map_err(&writing)?;
        self.disk.rename(&temporary, file).map_err(&writing)?;
        self.disk.sync(places::TOP).map_err(&writing)
    }
}

pub(super) fn unlock_file(disk: &dyn Disk) -> Result<UnlockFile, StoreError> {
    let read = disk.read(places::UNLOCK);
    let bytes = read.map_err(StoreError::io("read the unlocking file"))?;
    UnlockFile::parse(&bytes.ok_or(StoreError::NotInstalled)?).map_err(StoreError::Unlock)
}
