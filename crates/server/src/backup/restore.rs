//! From a snapshot to a data directory. It carries a mark until it is whole, and no other command takes it with the mark.

use std::path::Path;

use serde::Serialize;

use super::create::known;
use super::files::{self, Copied};
use super::{BackupError, BackupIdentity, Progress, Repository, list, repository, snapshot};
use crate::datadir::{DataDir, Files};
use crate::store::sqlite::DatabaseCopy;

/// A directory in which everything is in its place, still with the mark.
#[derive(Debug)]
pub(crate) struct Restored {
    /// Where, locked.
    pub(crate) data: DataDir,
    /// What was done.
    pub(crate) summary: Summary,
}

/// What was restored.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    /// The snapshot.
    pub(crate) id: String,
    /// The server's fingerprint.
    pub(crate) server: String,
    /// Seconds since 1970: what came later is not there.
    pub(crate) taken: i64,
    /// Blobs that are there.
    pub(crate) blobs: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Blobs that are not.
    pub(crate) lost: Vec<String>,
}

/// Fills a new directory from the newest snapshot, or this one; with `partial` also when blobs are lost.
pub(crate) fn restore(
    repository: &Repository,
    identity: &BackupIdentity,
    only: Option<&str>,
    target: &Path,
    partial: bool,
    progress: Progress<'_>,
) -> Result<Restored, BackupError> {
    identity.check(repository)?;
    let id = match only {
        Some(id) => id.to_owned(),
        None => repository.ids()?.pop().ok_or(BackupError::Empty)?,
    };
    let facts = repository.facts(&id)?;
    let listed = repository.checked_list(&id, &facts)?;
    if !repository::names(target)?.is_empty() {
        return Err(BackupError::NotEmpty(target.to_owned()));
    }
    let data = DataDir::begin(target)?;
    let path = data.database();
    let keys = snapshot::open(repository, &id, &facts, identity, &path)?;
    let database = known(DatabaseCopy::open(&path)?)?;
    database.end_sessions()?;
    database.begin_healing(facts.taken)?;
    let mut summary = Summary {
        id,
        server: repository.server().to_string(),
        taken: facts.taken,
        blobs: 0,
        bytes: 0,
        lost: Vec::new(),
    };
    // The list is signed like the database, and is read so that a list of another snapshot does not stay unnoticed.
    let mut list = list::Reader::open(&listed)?;
    let mut count = 0;
    for shard in 0..=u8::MAX {
        count += list.shard(shard)?.len() as u64;
        fill(shard, repository, target, &database, &mut summary, progress)?;
    }
    if count != facts.blobs {
        return Err(BackupError::damaged(&listed, "it has another number of lines"));
    }
    if !summary.lost.is_empty() && !partial {
        return Err(BackupError::BlobsLost(summary.lost.len() as u64));
    }
    database.close()?;
    keys.keep(target, &Files::new(target))?;
    files::sync_folder(&data.blobs())?;
    files::sync_folder(target)?;
    Ok(Restored { data, summary })
}

fn fill(
    shard: u8,
    repository: &Repository,
    target: &Path,
    database: &DatabaseCopy,
    summary: &mut Summary,
    progress: Progress<'_>,
) -> Result<(), BackupError> {
    let folder = DataDir::shard(target, shard);
    files::make_folder(&folder)?;
    for row in database.shard(shard)? {
        let to = DataDir::blob(target, &row.name);
        let temporary = folder.join("new");
        match files::copy_blob(
            &repository.blob(&row.name),
            &temporary,
            &to,
            row.size,
            &row.blob.0,
        )? {
            Copied::Whole => {
                summary.blobs += 1;
                summary.bytes += row.size;
                progress(summary.blobs, summary.bytes);
            }
            Copied::Bad => summary.lost.push(format!(
                "the file {} of the blob {} is damaged or missing",
                row.name, row.blob
            )),
        }
    }
    files::sync_folder(&folder)
}

impl Restored {
    /// Takes the mark away: from now on it is a data directory like any other.
    pub(crate) fn finish(self) -> Result<Summary, BackupError> {
        self.data.complete()?;
        Ok(self.summary)
    }
}
