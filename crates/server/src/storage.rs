//! Moving the blobs to another disk, while the server is stopped. A link says where they are, not a setting: every command knows the
//! data directory, and not every one the configuration.
//!
//! ```text
//!  copy what is not there yet, hashed ─▶ sync ─▶ mark ─▶ exchange DATA/blobs with a link to the new folder (one system call)
//! ```

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use serde::Serialize;

use crate::backup::files::{self, Copied};
use crate::backup::{BackupError, Progress};
use crate::datadir::{BLOBS_MARK, DataDir};
use crate::store::sqlite::DatabaseCopy;
use crate::store::{BlobFile, StoreError};

/// Why blobs were not moved; they are still used where they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum MoveError {
    /// The new folder is used for something else.
    #[error("{} is neither empty nor the beginning of this move", .0.display())]
    Taken(PathBuf),
    /// The new folder lies within the data directory's blobs, or is them.
    #[error("{} is where the blobs are already", .0.display())]
    Same(PathBuf),
    /// A link to it would mean something else elsewhere.
    #[error("{} is not an absolute path", .0.display())]
    Relative(PathBuf),
    /// Some blobs are damaged or missing.
    #[error("{} blobs are damaged or missing, the first in {}", .0.len(), .0.first().map(String::as_str).unwrap_or_default())]
    Lost(Vec<String>),
    /// A file could not be copied.
    #[error(transparent)]
    Copy(#[from] BackupError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Input or output failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What was moved.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Moved {
    /// Blobs that are in the new folder.
    pub(crate) blobs: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Those that this run copied.
    pub(crate) copied: u64,
    /// Blobs that were damaged or missing before.
    pub(crate) lost: Vec<String>,
    /// The old folder; nothing uses it.
    pub(crate) old: PathBuf,
}

/// Copies all blobs to `to` and uses them there from now on. Broken off, the same call goes on.
pub(crate) fn migrate(
    data: &DataDir,
    to: &Path,
    partial: bool,
    progress: Progress<'_>,
) -> Result<Moved, MoveError> {
    if !to.is_absolute() {
        return Err(MoveError::Relative(to.to_owned()));
    }
    let mark = data
        .blobs_mark()
        .map_err(|source| failed(&data.blobs(), source))?;
    prepare(&data.blobs(), to, &mark)?;
    let database = DatabaseCopy::open(&data.database())?;
    let mut moved = Moved {
        blobs: 0,
        bytes: 0,
        copied: 0,
        lost: Vec::new(),
        old: data.blobs().with_file_name("blobs.old"),
    };
    for shard in 0..=u8::MAX {
        let rows = database.every(shard)?;
        copy_shard(data, to, shard, &rows, &mut moved, progress)?;
    }
    database.close()?;
    if !moved.lost.is_empty() && !partial {
        return Err(MoveError::Lost(moved.lost));
    }
    files::sync_folder(to)?;
    exchange(data, to, &moved.old)?;
    Ok(moved)
}

fn prepare(from: &Path, to: &Path, mark: &str) -> Result<(), MoveError> {
    // Looked at before hours of copying: an earlier move's old folder would stand in the way of this one's.
    let old = from.with_file_name("blobs.old");
    if old.symlink_metadata().is_ok() {
        return Err(failed(
            &old,
            io::Error::other("an earlier move left it; look at it, remove it, and repeat the command"),
        ));
    }
    files::make_folder(to)?;
    let real = |path: &Path| fs::canonicalize(path).map_err(|source| failed(path, source));
    if real(to)?.starts_with(real(from)?) {
        return Err(MoveError::Same(to.to_owned()));
    }
    let path = to.join(BLOBS_MARK);
    match fs::read_to_string(&path) {
        Ok(found) if found == mark => return Ok(()),
        Ok(_) => return Err(MoveError::Taken(to.to_owned())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&path, error)),
        Err(_) => {}
    }
    let mut items = fs::read_dir(to).map_err(|source| failed(to, source))?;
    // A disk of its own has this folder from the beginning.
    if items.any(|item| item.is_ok_and(|item| item.file_name() != "lost+found")) {
        return Err(MoveError::Taken(to.to_owned()));
    }
    files::write_new(&path, mark.as_bytes())?;
    files::sync_folder(to)?;
    Ok(())
}

fn copy_shard(
    data: &DataDir,
    to: &Path,
    shard: u8,
    rows: &[BlobFile],
    moved: &mut Moved,
    progress: Progress<'_>,
) -> Result<(), MoveError> {
    let name = data_encoding::HEXLOWER.encode(&[shard]);
    let (from, folder) = (data.blobs().join(&name), to.join(&name));
    files::make_folder(&folder)?;
    let temporary = folder.join("new");
    // Of a run that was broken off.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&temporary, error)),
        _ => {}
    }
    for row in rows {
        let name = row.name.to_string();
        let target = folder.join(&name);
        if files::length(&target)? != Some(row.size) {
            if files::copy_blob(&from.join(&name), &temporary, &target, row.size, &row.blob.0)? == Copied::Bad
            {
                moved
                    .lost
                    .push(format!("the file {} of the blob {}", row.name, row.blob));
                continue;
            }
            moved.copied += 1;
        }
        moved.blobs += 1;
        moved.bytes += row.size;
        progress(moved.blobs, moved.bytes);
    }
    files::sync_folder(&folder)?;
    Ok(())
}

/// At every moment `blobs` is one or the other.
fn exchange(data: &DataDir, to: &Path, old: &Path) -> Result<(), MoveError> {
    let current = data.blobs();
    let link = current.with_file_name("blobs.new");
    match fs::remove_file(&link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&link, error)),
        _ => {}
    }
    symlink(to, &link).map_err(|source| failed(&link, source))?;
    renameat2(AT_FDCWD, &link, AT_FDCWD, &current, RenameFlags::RENAME_EXCHANGE)
        .map_err(|error| failed(&current, error.into()))?;
    data.sync().map_err(|source| failed(&current, source))?;
    fs::rename(&link, old).map_err(|source| failed(old, source))?;
    data.sync().map_err(|source| failed(old, source))
}

fn failed(path: &Path, source: io::Error) -> MoveError {
    MoveError::Io {
        path: path.to_owned(),
        source,
    }
}
