//! A folder of the operating system. Files are made with mode 0600, folders with 0700, and links are not followed.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::{Disk, Entry};

/// Nothing that the service writes is longer (KEY-015): the head of 10,000 keys has less than 2 MiB.
const MAX_LEN: u64 = 64 << 20;

pub(crate) struct Directory {
    path: PathBuf,
    /// Held until drop.
    _lock: Option<File>,
}

impl Directory {
    /// An existing folder.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            _lock: None,
        }
    }

    /// An existing folder of which this process alone has the lock; `None` if another one has it.
    pub(crate) fn locked(path: &Path, lock: &str) -> io::Result<Option<Self>> {
        let mut options = options();
        let file = options.create(true).truncate(false).open(path.join(lock))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self {
                path: path.to_owned(),
                _lock: Some(file),
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// To write one of our own files.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits());
    options
}

impl Disk for Directory {
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let found = match fs::read_dir(self.path.join(folder)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(entries),
            found => found?,
        };
        for entry in found {
            let entry = entry?;
            let is_folder = entry.file_type()?.is_dir();
            // A name that is no UTF-8 is none of the store's.
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry { name, is_folder });
            }
        }
        Ok(entries)
    }

    fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(OFlag::O_NOFOLLOW.bits());
        let file = match options.open(self.path.join(file)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_LEN + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_LEN {
            return Err(ErrorKind::FileTooLarge.into());
        }
        Ok(Some(bytes))
    }

    fn write(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = options().create(true).truncate(true).open(self.path.join(file))?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(self.path.join(folder)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        fs::remove_dir(self.path.join(folder))
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        File::open(self.path.join(folder))?.sync_all()
    }

    fn wipe(&self, file: &str) -> io::Result<()> {
        let path = self.path.join(file);
        // Of a link only the link goes: what it points at is not ours.
        if fs::symlink_metadata(&path)?.is_file() {
            let mut file = options().open(&path)?;
            let len = file.metadata()?.len();
            io::copy(&mut io::repeat(0).take(len), &mut file)?;
            file.sync_all()?;
        }
        fs::remove_file(path)
    }
}
