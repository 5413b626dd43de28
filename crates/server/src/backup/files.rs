//! Files and folders that are durable before anybody says so.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

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

/// A folder that stays the one that was looked at: whoever may write into the repository can put a link in its place at any time, and
/// what is removed behind that might be the server's own.
#[derive(Debug)]
pub(super) struct Folder {
    open: File,
    path: std::path::PathBuf,
}

impl Folder {
    /// Opens one that may not be there, and is no link.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, BackupError> {
        Self::at(path, path)
    }

    /// The same below this one.
    pub(super) fn below(&self, name: &str) -> Result<Option<Self>, BackupError> {
        Self::at(&self.inside(name), &self.path.join(name))
    }

    fn at(open: &Path, path: &Path) -> Result<Option<Self>, BackupError> {
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags((OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits())
            .open(open);
        match opened {
            Ok(open) => Ok(Some(Self {
                open,
                path: path.to_owned(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BackupError::io(path)(error)),
        }
    }

    /// By the descriptor (proc(5)), so that no name above it counts any more.
    fn inside(&self, name: &str) -> std::path::PathBuf {
        Path::new("/proc/self/fd")
            .join(self.open.as_raw_fd().to_string())
            .join(name)
    }

    /// What is in it.
    pub(super) fn names(&self) -> Result<Vec<String>, BackupError> {
        let items = std::fs::read_dir(self.inside("")).map_err(BackupError::io(&self.path))?;
        let mut names = Vec::new();
        for item in items {
            let item = item.map_err(BackupError::io(&self.path))?;
            names.extend(item.file_name().into_string().ok());
        }
        Ok(names)
    }

    /// The length of a file in it; a link is none.
    pub(super) fn length(&self, name: &str) -> Result<Option<u64>, BackupError> {
        length(&self.inside(name))
    }

    /// Removes a file that may not be there.
    pub(super) fn remove(&self, name: &str) -> Result<(), BackupError> {
        remove(&self.inside(name))
    }
}

/// Opens a file to read: no link, no pipe that nobody writes to.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no file"))
    }
}

/// Reads a file of JSON, of which nothing is known yet.
pub(super) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    const MOST: u64 = 64 * 1024;
    let mut bytes = Vec::new();
    open_plain(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
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
    // What is no file, or has another length, is not read: it may have no end.
    if length(from)? != Some(size) {
        return Ok(Copied::Bad);
    }
    let source = match open_plain(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Copied::Bad),
        Err(error) => return Err(BackupError::io(from)(error)),
    };
    let mut source = source.take(size.saturating_add(1));
    let mut target = create(temporary)?;
    let (mut hasher, mut buffer, mut copied) = (blake3::Hasher::new(), vec![0; PIECE], 0);
    loop {
        let read = source.read(&mut buffer).map_err(BackupError::io(from))?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            break;
        };
        hasher.update(piece);
        copied += read as u64;
        target.write_all(piece).map_err(BackupError::io(temporary))?;
    }
    if copied != size || hasher.finalize().as_bytes() != id {
        remove(temporary)?;
        return Ok(Copied::Bad);
    }
    target.sync_data().map_err(BackupError::io(temporary))?;
    std::fs::rename(temporary, to).map_err(BackupError::io(to))?;
    Ok(Copied::Whole)
}

/// The hash of a file, in bounded memory.
pub(super) fn hash(path: &Path) -> Result<[u8; 32], BackupError> {
    let mut file = open_plain(path).map_err(BackupError::io(path))?;
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
