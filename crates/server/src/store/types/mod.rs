//! What goes into a store and comes out of it.

mod account;
mod journal;
mod operator;

use std::fmt;

use crannog_proto::{BlobId, ErrorCode};

pub(crate) use account::{
    Account, ChainTaken, Dropped, GivenBack, GivenChain, LoginKey, NewAccount, NewDrop, NewLink, NewSession,
    SessionRow, Sigchain, Stands,
};
pub(crate) use journal::{Batch, BatchDone, JournalView, NewStaged, Outcome, Placed, Reader, Row};
pub(crate) use operator::{
    AccountRow, Expiring, Holder, Inspection, InviteRow, JobRow, JournalRow, NewInvite, Stats,
};

/// Why a store did not do it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A rule forbids it.
    #[error("{0}")]
    Refused(ErrorCode),
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The disk, or the database, is read-only.
    #[error("the database is read-only")]
    ReadOnly,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The database itself failed.
    #[error(transparent)]
    Backend(Box<dyn std::error::Error + Send + Sync>),
}

/// How the store calls an account; means nothing outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AccountKey(pub(crate) i64);

/// The random name of a blob's file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileName(pub(crate) [u8; 16]);

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A blob's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlobFile {
    /// What it holds.
    pub(crate) blob: BlobId,
    /// Its name on disk.
    pub(crate) name: FileName,
    /// Its length.
    pub(crate) size: u64,
}
