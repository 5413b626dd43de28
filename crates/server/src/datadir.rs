//! The data directory: one lock, a few files, all for their owner only.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// Where the server's own secrets are kept: files today, a security module tomorrow.
pub(crate) trait Secrets {
    /// A secret by name, if it was ever kept.
    fn load(&self, name: &'static str) -> io::Result<Option<Vec<u8>>>;
    /// Keeps a secret, durably.
    fn keep(&self, name: &'static str, bytes: &[u8]) -> io::Result<()>;
}

/// A data directory that this process alone uses.
#[derive(Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
    _lock: Flock<File>,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another process holds it.
    #[error("the data directory {} is in use by another crannogd", .0.display())]
    InUse(PathBuf),
    /// Input or output failed.
    #[error("the data directory {} cannot be used: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DataDir {
    /// Opens and locks the directory; makes it when new.
    pub(crate) fn open(root: &Path) -> Result<Self, DataDirError> {
        let io = |source| DataDirError::Io {
            path: root.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(io)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(root.join("lock"))
            .map_err(io)?;
        match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self {
                root: root.to_owned(),
                _lock: lock,
            }),
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => Err(DataDirError::InUse(root.to_owned())),
            Err((_, error)) => Err(io(error.into())),
        }
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("crannogd.db")
    }

    /// The blobs.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// The admin socket of a data directory.
    pub(crate) fn socket(root: &Path) -> PathBuf {
        root.join("admin.sock")
    }

    /// Makes the names of new files durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.root)?.sync_all()
    }
}

impl Secrets for DataDir {
    fn load(&self, name: &'static str) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match File::open(self.root.join(name)) {
            Ok(mut file) => file.read_to_end(&mut bytes).map(|_| Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn keep(&self, name: &'static str, bytes: &[u8]) -> io::Result<()> {
        let (path, new) = (self.root.join(name), self.root.join(format!("{name}.new")));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(new, path)?;
        self.sync()
    }
}
