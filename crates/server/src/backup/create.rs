//! Making a snapshot, from a server that runs or from one that is stopped.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::fcntl::{Flock, FlockArg};
use serde::Serialize;

use super::files::{self, Copied};
use super::key::Recipient;
use super::list::{self, Listed};
use super::manifest::{Facts, Manifest};
use super::server_keys::ServerKeys;
use super::{BackupError, Progress, Repository, snapshot};
use crate::clock;
use crate::datadir::{DataDir, Files};
use crate::store::BlobFile;
use crate::store::sqlite::DatabaseCopy;

/// Blobs copied at once: while one is synced the next is read.
const PARALLEL: usize = 4;

/// What was made.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Created {
    /// Its id.
    pub(crate) id: String,
    /// The server's fingerprint.
    pub(crate) server: String,
    /// Blobs that it needs.
    pub(crate) blobs: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Those that were not there before.
    pub(crate) copied: u64,
    /// Their bytes.
    pub(crate) copied_bytes: u64,
    /// Bytes of the sealed file.
    pub(crate) sealed_bytes: u64,
    /// Blobs that are damaged or missing on the server: they are in no backup.
    pub(crate) lost: Vec<String>,
}

/// What keeps the server from removing files meanwhile.
pub(crate) trait Pin: Sync {
    /// Whether it held a few seconds ago; costs nothing.
    fn held(&self) -> bool;
    /// Whether it holds at this moment, without a gap since it began.
    fn confirm(&self) -> bool;
    /// The snapshot is made.
    fn done(&self);
}

/// Makes a snapshot while the pin holds.
pub(crate) fn create(
    data: &Path,
    root: &Path,
    key: Option<Recipient>,
    pin: &dyn Pin,
    progress: Progress<'_>,
) -> Result<Created, BackupError> {
    let keys = ServerKeys::load(data, &Files::new(data))?;
    let repository = Repository::for_server(root, &keys, key)?;
    let source = Source::take(data)?;
    let taken = clock::now_ms().div_euclid(1000);
    let id = new_id(&repository, taken)?;
    let mut copying = Copying {
        repository: &repository,
        data,
        pin,
        progress,
        seen: (AtomicU64::new(0), AtomicU64::new(0)),
        copied: (AtomicU64::new(0), AtomicU64::new(0)),
        lost: Mutex::new(Vec::new()),
    };
    let temporary_list = repository.temporary(&format!("{id}.list"));
    let mut list = list::Writer::create(&temporary_list)?;
    let (mut blobs, mut bytes) = (0, 0);
    for shard in 0..=u8::MAX {
        for line in copying.shard(shard, source.database.shard(shard)?)? {
            blobs += 1;
            bytes += line.size;
            list.push(line)?;
        }
    }
    if !pin.confirm() {
        return Err(BackupError::HoldLost);
    }
    let listed = list.finish()?;
    let temporary = repository.temporary(&format!("{id}.sealed"));
    let sealed = snapshot::seal(&temporary, &id, &repository, &keys, &source.path)?;
    let lost = std::mem::take(copying.lost.get_mut().unwrap_or_else(PoisonError::into_inner));
    let facts = Facts::new(taken, (blobs, bytes, lost.len() as u64), listed, sealed);
    for (from, part) in [(&temporary_list, "list"), (&temporary, "sealed")] {
        let to = repository.part(&id, part);
        std::fs::rename(from, &to).map_err(BackupError::io(&to))?;
    }
    repository.sync_snapshots()?;
    repository.commit(&id, &Manifest::sign(&id, &facts, repository.recipient(), &keys)?)?;
    pin.done();
    Ok(Created {
        id,
        server: repository.server().to_string(),
        blobs,
        bytes,
        copied: copying.copied.0.load(Ordering::Relaxed),
        copied_bytes: copying.copied.1.load(Ordering::Relaxed),
        sealed_bytes: sealed.length,
        lost,
    })
}

/// A copy of the database in the data directory, gone when this is.
struct Source {
    path: PathBuf,
    database: DatabaseCopy,
    _lock: Flock<File>,
}

impl Source {
    fn take(data: &Path) -> Result<Self, BackupError> {
        let path = data.join("backup.lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(BackupError::io(&path))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|_| BackupError::SourceBusy(data.to_owned()))?;
        let path = DataDir::backup(data);
        files::remove(&path)?;
        drop(files::create(&path)?);
        let database = DatabaseCopy::take(&data.join("crannogd.db"), &path);
        if database.is_err() {
            files::remove(&path)?;
        }
        Ok(Self {
            database: known(database?)?,
            path,
            _lock: lock,
        })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // What stays is removed by the next backup, or when the server starts.
        let _ = files::remove(&self.path);
    }
}

/// Refuses the database of a newer server.
pub(super) fn known(database: DatabaseCopy) -> Result<DatabaseCopy, BackupError> {
    let (found, known) = (database.version()?, DatabaseCopy::KNOWN);
    if found > known {
        return Err(BackupError::Newer { found, known });
    }
    Ok(database)
}

/// Counts up, so that later ones sort behind whatever the clock says.
fn new_id(repository: &Repository, taken: i64) -> Result<String, BackupError> {
    Ok(format!(
        "{:06}-{}",
        repository.next_number()?,
        clock::stamp(taken)
    ))
}

type Count = (AtomicU64, AtomicU64);

struct Copying<'a> {
    repository: &'a Repository,
    data: &'a Path,
    pin: &'a dyn Pin,
    progress: Progress<'a>,
    seen: Count,
    copied: Count,
    lost: Mutex<Vec<String>>,
}

impl Copying<'_> {
    /// Copies what is not there yet, and gives back what is there now, in order.
    fn shard(&self, shard: u8, rows: Vec<BlobFile>) -> Result<Vec<Listed>, BackupError> {
        let folder = self.repository.shard(shard);
        let left = Mutex::new(rows.iter());
        let lost = Mutex::new(HashSet::new());
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..PARALLEL.min(rows.len()))
                .map(|_| {
                    scope.spawn(|| {
                        loop {
                            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
                            let Some(row) = next else { return Ok(()) };
                            if !self.blob(row)? {
                                lost.lock()
                                    .unwrap_or_else(PoisonError::into_inner)
                                    .insert(row.name);
                            }
                        }
                    })
                })
                .collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or(Err(BackupError::Seal)))
        })?;
        // Always: a run that was broken off may have left names that are not synced.
        if !rows.is_empty() {
            files::sync_folder(&folder)?;
        }
        let lost = lost.into_inner().unwrap_or_else(PoisonError::into_inner);
        let whole = rows.iter().filter(|row| !lost.contains(&row.name));
        let listed = whole.map(|row| Listed {
            name: row.name,
            size: row.size,
        });
        Ok(listed.collect())
    }

    fn blob(&self, row: &BlobFile) -> Result<bool, BackupError> {
        if !self.pin.held() {
            return Err(BackupError::HoldLost);
        }
        let to = self.repository.blob(&row.name);
        let files_seen = self.seen.0.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes_seen = self.seen.1.fetch_add(row.size, Ordering::Relaxed) + row.size;
        (self.progress)(files_seen, bytes_seen);
        if files::length(&to)? == Some(row.size) {
            return Ok(true);
        }
        let name = row.name.to_string();
        let from = DataDir::blob(self.data, &row.name);
        let temporary = self.repository.temporary(&name);
        match files::copy_blob(&from, &temporary, &to, row.size, &row.blob.0)? {
            Copied::Whole => {
                self.copied.0.fetch_add(1, Ordering::Relaxed);
                self.copied.1.fetch_add(row.size, Ordering::Relaxed);
                Ok(true)
            }
            // Only a hold tells damage from a file that was rightly removed.
            Copied::Bad if !self.pin.confirm() => Err(BackupError::HoldLost),
            Copied::Bad => {
                let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
                lost.push(format!(
                    "the file {} of the blob {} is damaged or missing",
                    row.name, row.blob
                ));
                Ok(false)
            }
        }
    }
}
