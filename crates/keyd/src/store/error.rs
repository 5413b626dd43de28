//! Why a store does not open, or does not do what was asked.

use std::io;

use crannog_keyd_keys::{KeyError, KeyName, RecordError};

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no unlocking file.
    #[error("there is no store")]
    NotInstalled,
    /// A new store was to be made where one is, or what is left of one.
    #[error("there is a store already, or what is left of one")]
    Occupied,
    /// Another process has the lock.
    #[error("another process has the store open")]
    InUse,
    /// The unlocking file is not used.
    #[error("the unlocking file: {0}")]
    Unlock(RecordError),
    /// The audit root does not open, or is missing.
    #[error("the audit root: {0}")]
    AuditRoot(RecordError),
    /// The anchor of the audit log does not open.
    #[error("KEY-011: the anchor of the audit log: {0}")]
    Anchor(RecordError),
    /// The head does not open, or the store key is another store's.
    #[error("KEY-003: the head: {0}")]
    Head(RecordError),
    /// There is no head.
    #[error("KEY-003: the head is missing")]
    HeadMissing,
    /// A key is there that no break-off explains: one that was deleted, or the head is an older one.
    #[error("KEY-003: {0} was put back, or the head is an older one")]
    PutBack(KeyName),
    /// The head is older than the anchor of the audit log.
    #[error("KEY-003: the head has generation {head}, the audit log's anchor {anchor}")]
    BelowAnchor {
        /// The generation of the head.
        head: u64,
        /// That of the store when the anchor was sealed.
        anchor: u64,
    },
    /// The head is older than the witness saw it.
    #[error("KEY-003: the head has generation {head}, the rollback witness {witness}")]
    BelowWitness {
        /// The generation of the head.
        head: u64,
        /// What the witness says.
        witness: u64,
    },
    /// The witness is of another store, or not what the service writes.
    #[error("KEY-003: the rollback witness is not of this store")]
    WitnessOfAnother,
    /// There is no such key, or no longer.
    #[error("there is no such key")]
    NoKey,
    /// There is such a key already.
    #[error("there is such a key already")]
    Exists,
    /// The key was changed meanwhile: look at it again.
    #[error("the key was changed meanwhile")]
    Changed,
    /// What is on disk of this key is not what must be there.
    #[error("key is damaged")]
    Damaged,
    /// The key does not do that.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A change broke off where nobody knows what of it is on disk. No key is changed until the store is opened anew.
    #[error("the disk failed within a change; the store changes nothing until it is opened anew")]
    Broken,
    /// The disk failed, or is full. Nothing was changed.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl StoreError {
    /// For `map_err`.
    pub(super) fn io(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}

/// What is wrong with one key; the others work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// A record does not open, or a version is missing.
    #[error(transparent)]
    Record(RecordError),
    /// The head names it, and it is not there.
    #[error("KEY-003: the key record is missing")]
    Missing,
    /// It is older than the head says, or another key.
    #[error("KEY-003: the key is older than the head says, or another one")]
    PutBack,
}
