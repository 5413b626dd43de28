//! Why a backup command did not do it, and what to do now.

use std::io;
use std::path::{Path, PathBuf};

use crannog_proto::Fingerprint;

use crate::datadir::DataDirError;
use crate::store::StoreError;
use crate::store::sqlite::SchemaError;

/// By whose fault: the command's, the repository's, the data directory's, the machine's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BackupError {
    /// There is no repository at all.
    #[error("{} is not a backup repository", .0.display())]
    NotARepository(PathBuf),
    /// A newer program made it.
    #[error("the repository has format {0}, this crannogd knows 1")]
    Format(u32),
    /// Another command works on it.
    #[error("the repository {} is in use by another backup command", .0.display())]
    Busy(PathBuf),
    /// Another backup of the same data directory is under way.
    #[error("another backup of {} is under way", .0.display())]
    SourceBusy(PathBuf),
    /// The repository holds backups of another server.
    #[error("the repository holds backups of the server {found}, not of {ours}")]
    OtherServer {
        /// Whose they are.
        found: Fingerprint,
        /// Who is asking.
        ours: Fingerprint,
    },
    /// The fingerprint is not the one that the operator gave.
    #[error("the repository is signed by the server {found}, not by {wanted}")]
    OtherFingerprint {
        /// Who signed.
        found: Fingerprint,
        /// As given.
        wanted: Fingerprint,
    },
    /// The repository seals to another key than the one given.
    #[error("the repository seals to another key than the one given")]
    OtherKey,
    /// A new repository needs a key.
    #[error("the repository is new and has no key to seal to")]
    NoKey,
    /// It is no key.
    #[error("{0} is not a key for backups")]
    BadKey(String),
    /// The identity is not the one to which the repository seals.
    #[error("this identity does not open the repository: it seals to another key")]
    WrongIdentity,
    /// A signature does not verify: the file is another's, or damaged.
    #[error("{} was not signed by this server: it was forged or is damaged", .0.display())]
    Forged(PathBuf),
    /// A file is not what was signed.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// How.
        what: &'static str,
    },
    /// There is no such snapshot.
    #[error("the repository has no snapshot {0}")]
    NoSnapshot(String),
    /// There are no snapshots.
    #[error("the repository has no snapshots")]
    Empty,
    /// A restore needs a new directory.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// There is nothing to back up.
    #[error("{} is not the data directory of a crannogd", .0.display())]
    NotData(PathBuf),
    /// The server stopped, or did not renew the hold in time.
    #[error(
        "the server no longer holds back the removal of blobs: it was stopped, or this command was asleep"
    )]
    HoldLost,
    /// Blobs are missing in the repository.
    #[error("{0} blobs of the snapshot are missing or damaged in the repository")]
    BlobsLost(u64),
    /// A newer server wrote the database.
    #[error("the database has version {found}, this crannogd knows {known}")]
    Newer {
        /// What the file says.
        found: u32,
        /// What this server knows.
        known: u32,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataDirError),
    /// The restored database cannot be opened.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] StoreError),
    /// Cryptography failed where it cannot.
    #[error("nothing can be sealed on this machine")]
    Seal,
    /// Input or output failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl BackupError {
    /// Makes an error of this file.
    pub(super) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            path: path.clone(),
            source,
        }
    }

    /// This file is not what it should be.
    pub(super) fn damaged(path: &Path, what: &'static str) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            what,
        }
    }

    /// What to do now.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NotARepository(_) => "name the directory that `crannogd backup create` was given",
            Self::Format(_) | Self::Newer { .. } => "use the newer crannogd that wrote it",
            Self::Busy(_) | Self::SourceBusy(_) => "wait until it has ended, then repeat the command",
            Self::OtherServer { .. } => "use a repository of its own for each server",
            Self::OtherFingerprint { .. } => {
                "do not restore it: somebody may have put a database of his own there; compare with the fingerprint in any invite"
            }
            Self::OtherKey => "leave --key out, or begin a new repository in another directory",
            Self::NoKey => {
                "make a key with `crannogd backup keygen FILE` on another machine and give its public half with --key"
            }
            Self::BadKey(_) => "give what `crannogd backup keygen` printed, or the file that it wrote",
            Self::WrongIdentity => "give the file that `crannogd backup keygen` wrote for this repository",
            Self::Forged(_) | Self::Damaged { .. } => {
                "see with `crannogd backup verify` which snapshots are whole, and choose one with --snapshot; a snapshot is removed by removing its files in `snapshots`"
            }
            Self::NoSnapshot(_) => "see `crannogd backup list`",
            Self::Empty => "make one with `crannogd backup create`",
            Self::NotEmpty(_) => {
                "name a new directory with --data; nothing is ever restored over what is there"
            }
            Self::NotData(_) => "name the right one with --data",
            Self::HoldLost => "repeat the command: what was copied stays",
            Self::BlobsLost(_) => {
                "see which with `crannogd backup verify --full`; restore the rest with --partial, and clients send again what they have"
            }
            Self::Data(_) | Self::Schema(_) | Self::Database(_) | Self::Seal | Self::Io { .. } => {
                "check that both directories are there, belong to this user, and that their disks are neither full nor read-only"
            }
        }
    }
}
