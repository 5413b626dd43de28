//! The one writer. All that a change needs is written and synced before the first rename, so that a full disk changes nothing; from
//! the rename that is the moment of the change until the head is on disk, a failure leaves the store [`Broken`](StoreError::Broken).

use std::sync::Arc;

use crannog_keyd_keys::{Change, Head, Key, KeyName, RecordFile};

use super::disk::wipe_folder;
use super::error::StoreError;
use super::places::{self, HEAD, KEY, TMP, TOP};
use super::shared::Shared;

pub(super) struct Writer {
    head: Head,
    broken: bool,
}

/// Files that are whole and synced under temporary names, in the order of their renames.
struct Staged(Vec<(String, RecordFile)>);

impl Writer {
    pub(super) fn new(head: Head) -> Self {
        Self { head, broken: false }
    }

    /// Makes or changes a key. It counts when this returns.
    pub(super) fn commit(&mut self, shared: &Shared, change: Change) -> Result<Arc<Key>, StoreError> {
        self.check()?;
        let follows = self.head.generation().saturating_add(1);
        let commit = change.seal(&shared.key, &shared.id, follows, &mut rand::rng())?;
        let key = commit.key;
        check_follows(shared, &key)?;

        let head = self.head.with(&key);
        let folder = places::folder(key.name());
        prepare_folder(shared, &key, &folder)?;
        let staged = stage(shared, commit.files, &head)?;
        self.rename(shared, &staged, &folder)
            .inspect_err(|_| staged.discard(shared))?;
        self.finish(shared, head, key.name(), Some(key.clone()));
        for version in commit.removes {
            let file = format!("{folder}/{}", RecordFile::version_name(version));
            if let Err(error) = shared.disk.wipe(&file) {
                tracing::warn!(%error, "a trimmed version stays on disk until the next start");
            }
        }
        Ok(key)
    }

    /// Deletes a key, in the state in which the caller saw it.
    pub(super) fn delete(&mut self, shared: &Shared, seen: &Key) -> Result<(), StoreError> {
        self.check()?;
        let name = seen.name();
        let current = shared.get(name)?;
        if current.id() != seen.id() || current.generation() != seen.generation() {
            return Err(StoreError::Changed);
        }
        let (folder, deleted) = (places::folder(name), places::deleted(name));
        let deleting = StoreError::io("delete a key");
        if shared
            .disk
            .list(TMP)
            .map_err(&deleting)?
            .iter()
            .any(|entry| entry.name == name.folder())
        {
            wipe_folder(&*shared.disk, &deleted).map_err(&deleting)?;
        }
        let head = self.head.without(name);
        let staged = stage(shared, Vec::new(), &head)?;
        self.broken = true;
        let moved = shared.disk.rename(&folder, &deleted);
        moved
            .and_then(|()| shared.disk.sync(TMP))
            .and_then(|()| shared.disk.sync(places::parent(name)))
            .map_err(&deleting)?;
        self.rename_head(shared, &staged)?;
        self.finish(shared, head, name, None);
        if let Err(error) = wipe_folder(&*shared.disk, &deleted) {
            tracing::warn!(%error, "a deleted key stays on disk until the next start");
        }
        Ok(())
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.broken {
            Err(StoreError::Broken)
        } else {
            Ok(())
        }
    }

    fn rename(&mut self, shared: &Shared, staged: &Staged, folder: &str) -> Result<(), StoreError> {
        let writing = StoreError::io("write a key");
        let (disk, mut versions) = (&shared.disk, false);
        for (temporary, file) in staged.of_key() {
            if file.name == KEY {
                if versions {
                    disk.sync(folder).map_err(&writing)?;
                }
                self.broken = true;
            } else {
                versions = true;
            }
            disk.rename(temporary, &format!("{folder}/{}", file.name))
                .map_err(&writing)?;
        }
        disk.sync(folder).map_err(&writing)?;
        self.rename_head(shared, staged)
    }

    fn rename_head(&mut self, shared: &Shared, staged: &Staged) -> Result<(), StoreError> {
        let writing = StoreError::io("write the head");
        for (temporary, _) in staged.0.iter().filter(|(_, file)| file.name == HEAD) {
            shared.disk.rename(temporary, HEAD).map_err(&writing)?;
        }
        shared.disk.sync(TOP).map_err(&writing)?;
        self.broken = false;
        Ok(())
    }

    fn finish(&mut self, shared: &Shared, head: Head, name: &KeyName, key: Option<Arc<Key>>) {
        self.head = head;
        let generation = self.head.generation();
        shared.publish(generation, name, key);
        if let Some(witness) = &shared.witness
            && let Err(error) = witness.write(&shared.id, generation)
        {
            tracing::warn!(%error, "the rollback witness cannot be written");
        }
    }
}

/// A change is of the state that everybody sees: one that was planned on an older state would take back what came between, also
/// uses that were reserved (KEY-007).
fn check_follows(shared: &Shared, next: &Key) -> Result<(), StoreError> {
    match shared.get(next.name()) {
        Ok(current) if current.id() != next.id() && next.generation() == 1 => Err(StoreError::Exists),
        Ok(current)
            if current.id() == next.id()
                && current.generation().checked_add(1) == Some(next.generation()) =>
        {
            Ok(())
        }
        Ok(_) => Err(StoreError::Changed),
        Err(StoreError::NoKey) if next.generation() == 1 => Ok(()),
        Err(error) => Err(error),
    }
}

/// The first version makes the folder, whose name is on disk before anything is renamed into it.
fn prepare_folder(shared: &Shared, key: &Key, folder: &str) -> Result<(), StoreError> {
    let making = StoreError::io("make the folder of a key");
    if key.generation() == 1 {
        shared.disk.make_folder(folder).map_err(&making)?;
        shared.disk.sync(places::parent(key.name())).map_err(&making)?;
    }
    Ok(())
}

fn stage(shared: &Shared, files: Vec<RecordFile>, head: &Head) -> Result<Staged, StoreError> {
    let head = head
        .seal(&shared.key, &shared.id, &mut rand::rng())
        .map_err(StoreError::Head)?;
    let head = RecordFile {
        name: HEAD.to_owned(),
        bytes: head,
    };
    let mut staged = Staged(Vec::new());
    for file in files.into_iter().chain([head]) {
        let temporary = shared.temporary();
        let written = shared.disk.write(&temporary, &file.bytes);
        staged.0.push((temporary, file));
        if let Err(source) = written {
            staged.discard(shared);
            let doing = "write a key";
            return Err(StoreError::Io { doing, source });
        }
    }
    Ok(staged)
}

impl Staged {
    fn of_key(&self) -> impl Iterator<Item = &(String, RecordFile)> {
        self.0.iter().filter(|(_, file)| file.name != HEAD)
    }

    /// Removes what still has its temporary name. What stays is removed at the next start.
    fn discard(&self, shared: &Shared) {
        for (temporary, _) in &self.0 {
            let _ = shared.disk.wipe(temporary);
        }
    }
}
