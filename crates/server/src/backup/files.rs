//! Files and folders that are durable before anybody says so.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::BackupError;

const PIECE: usize = 256 * 1024;

/// A new file for its owner only.
pub(super) fn create(path: &Path) -> Result<File, BackupError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(BackupError::io(path))
}

/// Writes and syncs a new file; its folder is still to be synced.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let mut file = create(path)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(BackupError::io(path))
}

/// A folder for its owner only, with those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(BackupError::io(path))
}

/// Refuses a link in the place of a folder: what is removed behind it might be the server's own.
pub(super) fn no_link(path: &Path) -> Result<(), BackupError> {
    match std::fs::symlink_metadata(path) {
        Ok(data) if !data.is_dir() => Err(BackupError::damaged(path, "it is not a folder")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), BackupError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(BackupError::io(path))
}

/// Where a file lies.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> Result<(), BackupError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::io(path)(error)),
        _ => Ok(()),
    }
}

/// What became of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    /// It is at its place, its bytes are synced.
    Whole,
    /// The source is missing, has another length, or does not hash to its id. Nothing was copied.
    Bad,
}

/// Copies a blob under a temporary name, hashing it on the way, and renames it when it is whole and synced.
pub(crate) fn copy_blob(
    from: &Path,
    temporary: &Path,
    to: &Path,
    size: u64,
    id: &[u8; 32],
) -> Result<Copied, BackupError> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Copied::Bad),
        Err(error) => return Err(BackupError::io(from)(error)),
    };
    let mut target = create(temporary)?;
    let (mut hasher, mut buffer, mut length) = (blake3::Hasher::new(), vec![0; PIECE], 0);
    loop {
        let read = source.read(&mut buffer).map_err(BackupError::io(from))?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            break;
        };
        hasher.update(piece);
        length += read as u64;
        target.write_all(piece).map_err(BackupError::io(temporary))?;
    }
    if length != size || hasher.finalize().as_bytes() != id {
        remove(temporary)?;
        return Ok(Copied::Bad);
    }
    target.sync_data().map_err(BackupError::io(temporary))?;
    std::fs::rename(temporary, to).map_err(BackupError::io(to))?;
    Ok(Copied::Whole)
}

/// The hash of a file, in bounded memory.
pub(super) fn hash(path: &Path) -> Result<[u8; 32], BackupError> {
    let mut file = File::open(path).map_err(BackupError::io(path))?;
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; PIECE]);
    loop {
        let read = file.read(&mut buffer).map_err(BackupError::io(path))?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            return Ok(*hasher.finalize().as_bytes());
        };
        hasher.update(piece);
    }
}

/// The length of a file, if it is there; a link is no copy.
pub(crate) fn length(path: &Path) -> Result<Option<u64>, BackupError> {
    match std::fs::symlink_metadata(path) {
        Ok(data) => Ok(data.is_file().then_some(data.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BackupError::io(path)(error)),
    }
}
