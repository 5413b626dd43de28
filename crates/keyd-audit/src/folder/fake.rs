//! A disk in memory that loses power after so many operations, fills up, fails and hangs on demand.

use std::collections::BTreeMap;
use std::io::{self, Error, ErrorKind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::{File, Folder};
use crate::anchor::{Anchor, AnchorStore};

/// What of unsynced bytes is found after the power came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// All: only the process was killed.
    All,
    /// Nothing, names neither.
    Nothing,
    /// Names, but no bytes.
    Names,
    /// The first half of them.
    Half,
    /// The length, and zeros.
    Zeros,
    /// The length and the second half; where the first half was, zeros.
    Later,
}

pub(crate) const FOUND: [Found; 6] = [
    Found::All,
    Found::Nothing,
    Found::Names,
    Found::Half,
    Found::Zeros,
    Found::Later,
];

#[derive(Default, Clone)]
struct Bytes {
    kernel: Vec<u8>,
    disk: Vec<u8>,
}

#[derive(Default, Clone)]
struct Inner {
    files: Vec<Bytes>,
    names: BTreeMap<String, usize>,
    names_on_disk: BTreeMap<String, usize>,
    anchor: Option<Anchor>,
    /// Operations that still succeed; of the next write only `torn` bytes are written.
    left: Option<u64>,
    torn: usize,
    /// What fits; everything, if `None`.
    space: Option<u64>,
    sync_fails: bool,
    anchor_fails: bool,
    hangs: bool,
    operations: u64,
    syncs: u64,
    hanging: u64,
}

/// The disk; clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<(Mutex<Inner>, Condvar)>);

struct FakeFile {
    disk: Disk,
    id: usize,
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.0.lock().unwrap()
    }

    /// The power goes after `operations`; of the write that is cut off, `torn` bytes are written.
    pub(crate) fn lose_power_after(&self, operations: u64, torn: usize) {
        let mut inner = self.lock();
        (inner.left, inner.torn) = (Some(operations), torn);
    }

    pub(crate) fn operations(&self) -> u64 {
        self.lock().operations
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    pub(crate) fn set_space(&self, space: Option<u64>) {
        self.lock().space = space;
    }

    pub(crate) fn fail_syncs(&self) {
        self.lock().sync_fails = true;
    }

    pub(crate) fn fail_anchors(&self, fails: bool) {
        self.lock().anchor_fails = fails;
    }

    /// Syncs hang until they are let go.
    pub(crate) fn hang(&self, hangs: bool) {
        self.lock().hangs = hangs;
        self.0.1.notify_all();
    }

    /// How many are hanging.
    pub(crate) fn hanging(&self) -> u64 {
        self.lock().hanging
    }

    pub(crate) fn anchor(&self) -> Option<Anchor> {
        self.lock().anchor.clone()
    }

    pub(crate) fn set_anchor(&self, anchor: Option<Anchor>) {
        self.lock().anchor = anchor;
    }

    /// The kernel's bytes of a file.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let inner = self.lock();
        inner.files[inner.names[name]].kernel.clone()
    }

    /// Puts a file there, synced.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let mut inner = self.lock();
        inner.files.push(Bytes {
            kernel: bytes.to_vec(),
            disk: bytes.to_vec(),
        });
        let id = inner.files.len() - 1;
        inner.names.insert(name.into(), id);
        inner.names_on_disk.insert(name.into(), id);
    }

    pub(crate) fn take(&self, name: &str) {
        let mut inner = self.lock();
        inner.names.remove(name);
        inner.names_on_disk.remove(name);
    }

    /// The disk as another machine finds it.
    pub(crate) fn after_power_loss(&self, found: Found) -> Self {
        let inner = self.lock();
        let mut next = Inner {
            anchor: inner.anchor.clone(),
            ..Inner::default()
        };
        let names = match found {
            Found::Nothing => &inner.names_on_disk,
            _ => &inner.names,
        };
        for (name, id) in names {
            let Bytes { kernel, disk } = &inner.files[*id];
            let same = disk.len().min(kernel.len());
            let half = same + (kernel.len() - same) / 2;
            let mut bytes = kernel.clone();
            match found {
                Found::All => (),
                Found::Nothing | Found::Names => bytes.clone_from(disk),
                Found::Half => bytes.truncate(half),
                Found::Zeros => bytes[same..].fill(0),
                Found::Later => bytes[same..half].fill(0),
            }
            next.names.insert(name.clone(), next.files.len());
            next.files.push(Bytes {
                kernel: bytes.clone(),
                disk: bytes,
            });
        }
        next.names_on_disk = next.names.clone();
        Self(Arc::new((Mutex::new(next), Condvar::new())))
    }

    /// The same bytes on a disk of their own.
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new((Mutex::new(self.lock().clone()), Condvar::new())))
    }

    fn change(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.lock();
        inner.operations += 1;
        match &mut inner.left {
            Some(0) => Err(Error::other("no power")),
            Some(left) => {
                *left -= 1;
                Ok(inner)
            }
            None => Ok(inner),
        }
    }
}

impl Folder for Disk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let id = *self.lock().names.get(name).ok_or(ErrorKind::NotFound)?;
        let disk = self.clone();
        Ok(Arc::new(FakeFile { disk, id }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut inner = self.change()?;
        inner.files.push(Bytes::default());
        let id = inner.files.len() - 1;
        inner.names.insert(name.into(), id);
        let disk = self.clone();
        Ok(Arc::new(FakeFile { disk, id }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.change()?;
        let id = inner.names.remove(from).ok_or(ErrorKind::NotFound)?;
        inner.names.insert(to.into(), id);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = self.change()?.names.remove(name);
        removed.map(|_| ()).ok_or(ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.change()?;
        inner.names_on_disk = inner.names.clone();
        Ok(())
    }

    fn free(&self) -> io::Result<u64> {
        let inner = self.lock();
        let space = inner.space.unwrap_or(u64::MAX);
        Ok(space.saturating_sub(
            inner
                .names
                .values()
                .map(|id| inner.files[*id].kernel.len() as u64)
                .sum(),
        ))
    }
}

impl File for FakeFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[self.id].kernel.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let inner = self.disk.lock();
        let bytes = inner.files[self.id]
            .kernel
            .get(offset as usize..)
            .unwrap_or_default();
        let len = bytes.len().min(buffer.len());
        buffer[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let free = self.disk.free()?;
        let changed = self.disk.change();
        let (written, result) = match &changed {
            Ok(_) if free < bytes.len() as u64 => (free as usize, Err(ErrorKind::StorageFull.into())),
            Ok(_) => (bytes.len(), Ok(())),
            Err(_) => (usize::MAX, Err(Error::other("no power"))),
        };
        drop(changed);
        let mut inner = self.disk.lock();
        // Once, and then nothing more.
        let written = if written == usize::MAX {
            std::mem::take(&mut inner.torn)
        } else {
            written
        };
        let file = &mut inner.files[self.id].kernel;
        let (at, bytes) = (offset as usize, &bytes[..written.min(bytes.len())]);
        file.resize(file.len().max(at + bytes.len()), 0);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        result
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut inner = self.disk.change()?;
        inner.files[self.id].kernel.resize(len as usize, 0);
        Ok(())
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        let enough = self.disk.free()? >= len;
        enough.then_some(()).ok_or(ErrorKind::StorageFull.into())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.lock();
        inner.syncs += 1;
        inner.hanging += 1;
        while inner.hangs {
            inner = self.disk.0.1.wait(inner).unwrap();
        }
        inner.hanging -= 1;
        let fails = inner.sync_fails;
        drop(inner);
        let mut inner = self.disk.change()?;
        if fails {
            return Err(Error::other("the disk failed"));
        }
        let file = &mut inner.files[self.id];
        file.disk.clone_from(&file.kernel);
        Ok(())
    }
}

impl AnchorStore for Disk {
    fn load(&self) -> io::Result<Option<Anchor>> {
        Ok(self.lock().anchor.clone())
    }

    fn save(&self, anchor: &Anchor) -> io::Result<()> {
        if self.lock().anchor_fails {
            return Err(ErrorKind::PermissionDenied.into());
        }
        self.change()?.anchor = Some(anchor.clone());
        Ok(())
    }
}
