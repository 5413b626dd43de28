//! The data directory: one lock, a few files, all for their owner only.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crannog_proto::Fingerprint;
use nix::fcntl::{Flock, FlockArg};

use crate::store::FileName;

/// Lies in a directory that is being restored, until it is whole.
const MARK: &str = "restoring";
/// Lies in a folder of blobs outside the data directory, and says whose they are.
pub(crate) const BLOBS_MARK: &str = "crannogd-blobs";

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
    /// A restore did not end.
    #[error("the data directory {} was not restored to the end", .0.display())]
    Unfinished(PathBuf),
    /// The blobs are on another disk, and that is not there.
    #[error("the blobs of {} are not where its link leads: their disk is not mounted, or is another's", .0.display())]
    BlobsAway(PathBuf),
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
        let data = Self::lock(root)?;
        if root.join(MARK).exists() {
            return Err(DataDirError::Unfinished(root.to_owned()));
        }
        let blobs = data.blobs();
        if blobs.is_symlink() {
            let found = std::fs::read_to_string(blobs.join(BLOBS_MARK)).ok();
            if found != Some(data.blobs_mark().map_err(|source| data.failed(source))?) {
                return Err(DataDirError::BlobsAway(root.to_owned()));
            }
        }
        Ok(data)
    }

    /// Makes a directory that nobody can use before [`DataDir::complete`].
    pub(crate) fn begin(root: &Path) -> Result<Self, DataDirError> {
        let data = Self::lock(root)?;
        let mark = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(root.join(MARK));
        mark.and_then(|mark| mark.sync_all())
            .and_then(|()| data.sync())
            .map_err(|source| data.failed(source))?;
        Ok(data)
    }

    /// Everything is in its place and synced.
    pub(crate) fn complete(&self) -> Result<(), DataDirError> {
        std::fs::remove_file(self.root.join(MARK))
            .and_then(|()| self.sync())
            .map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> DataDirError {
        DataDirError::Io {
            path: self.root.clone(),
            source,
        }
    }

    fn lock(root: &Path) -> Result<Self, DataDirError> {
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

    /// Whether a server lives here already, or the beginning of one.
    pub(crate) fn is_taken(&self) -> bool {
        ["ca.key", "ca.der", "receipt.key", "crannogd.db"]
            .iter()
            .any(|name| self.root.join(name).exists())
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("crannogd.db")
    }

    /// The blobs.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// What stands in the mark of this server's blobs: its fingerprint.
    pub(crate) fn blobs_mark(&self) -> io::Result<String> {
        let certificate = std::fs::read(self.root.join("ca.der"))?;
        Ok(format!("{}\n", Fingerprint::of(&certificate)))
    }

    /// A copy of the database, while a backup is made.
    pub(crate) fn backup(root: &Path) -> PathBuf {
        root.join("backup.db")
    }

    /// A folder of blobs.
    pub(crate) fn shard(root: &Path, shard: u8) -> PathBuf {
        root.join("blobs").join(data_encoding::HEXLOWER.encode(&[shard]))
    }

    /// The file of a blob.
    pub(crate) fn blob(root: &Path, name: &FileName) -> PathBuf {
        Self::shard(root, name.0[0]).join(name.to_string())
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
        Files::new(&self.root).load(name)
    }

    fn keep(&self, name: &'static str, bytes: &[u8]) -> io::Result<()> {
        Files::new(&self.root).keep(name, bytes)
    }
}

/// The secrets of a data directory that another process may hold.
#[derive(Debug)]
pub(crate) struct Files<'a>(&'a Path);

impl<'a> Files<'a> {
    /// In this directory.
    pub(crate) fn new(root: &'a Path) -> Self {
        Self(root)
    }
}

impl Secrets for Files<'_> {
    fn load(&self, name: &'static str) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match File::open(self.0.join(name)) {
            Ok(mut file) => file.read_to_end(&mut bytes).map(|_| Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn keep(&self, name: &'static str, bytes: &[u8]) -> io::Result<()> {
        let (path, new) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(new, path)?;
        File::open(self.0)?.sync_all()
    }
}
