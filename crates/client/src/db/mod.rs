//! The local database: everything this device knows, in one SQLCipher file under a key that the password wraps.
//!
//! One writer, a few readers (WAL). Every protocol step commits its changes in one transaction here before anything is
//! sent (`docs/adr/0003-local-database.md`).

mod checkpoints;
mod drive;
mod earlier;
mod fold;
mod heard;
mod history;
mod journals;
mod meta;
mod people;
mod raw;
mod receipts;
mod schema;
mod segments;
#[cfg(test)]
mod tests;
mod transfers;
mod unfinished;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use zeroize::Zeroizing;

pub(crate) use checkpoints::{Checkpoints, blobs as blobs_of_checkpoint};
pub(crate) use drive::{
    DriveStore, Forest, Found, Met, MostlyDead, Mounts, Names, NodeRow, Opened, Packed, RowKind, Seen, Share,
    UsageTotals, Way,
};
pub(crate) use earlier::EarlierKeys;
pub(crate) use fold::fold;
pub(crate) use heard::Heard;
pub(crate) use history::{Deed, History};
pub(crate) use journals::{EntryRow, Journals};
pub(crate) use meta::{Meta, MetaKey};
pub(crate) use people::{People, Refusal};
pub(crate) use raw::{RawEntries, RawEntry};
pub(crate) use receipts::Receipts;
pub(crate) use segments::{Cited, Known, Segments, cited};
pub(crate) use transfers::{ChunkHash, FileStamp, StagedPiece, Transfers};
pub(crate) use unfinished::{Unfinished, UnfinishedRow};

/// How many idle reading connections are kept.
const READERS: usize = 4;

/// Decrypted pages that a connection keeps, KiB.
const WRITER_CACHE: i64 = 16 * 1024;
const READER_CACHE: i64 = 4 * 1024;

/// Bytes of the log that stay on the disk when all of it was folded in.
const LOG_KEPT: i64 = 4 * 1024 * 1024;

/// Why the local database does not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DbError {
    /// Written by a newer release; never downgraded.
    #[error("the local database has format {found}, this release knows up to {known}")]
    Newer {
        /// Found.
        found: i64,
        /// Known.
        known: i64,
    },
    /// The disk is full.
    #[error("the local disk is full")]
    Full,
    /// The disk does not let the file be read or written.
    #[error("the local database's disk refused: {0}")]
    Disk(rusqlite::Error),
    /// A stored structure does not decode.
    #[error("the local database is damaged: {0}")]
    Damaged(&'static str),
    /// SQLite's word.
    #[error("the local database refused: {0}")]
    Sqlite(rusqlite::Error),
    /// The file system's word.
    #[error("the local database's file: {0}")]
    Io(#[from] std::io::Error),
    /// The thread that did the work died.
    #[error("a database task failed")]
    Task,
    /// An answer has no room for all of it (CHK-024).
    #[error("there is more than one answer can hold")]
    TooMuch,
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            Some(
                rusqlite::ErrorCode::ReadOnly
                | rusqlite::ErrorCode::CannotOpen
                | rusqlite::ErrorCode::SystemIoFailure,
            ) => Self::Disk(error),
            _ => Self::Sqlite(error),
        }
    }
}

impl From<crannog_proto::DecodeError> for DbError {
    fn from(error: crannog_proto::DecodeError) -> Self {
        Self::Damaged(error.expected)
    }
}

/// The open database; clones share it.
#[derive(Clone)]
pub(crate) struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    key: Zeroizing<[u8; 32]>,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

impl Db {
    /// Opens or makes the file; brings its format up to date after a copy was made.
    pub(crate) fn open(path: &Path, key: &[u8; 32]) -> Result<Self, DbError> {
        let mut writer = connect(
            path,
            key,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        )?;
        schema::migrate(&mut writer, path)?;
        let inner = Inner {
            path: path.to_owned(),
            key: Zeroizing::new(*key),
            writer: Mutex::new(writer),
            readers: Mutex::new(Vec::new()),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Reads in one snapshot.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || inner.read(job))
            .await
            .map_err(|_| DbError::Task)?
    }

    /// The same, for threads that may block.
    pub(crate) fn read_blocking<T>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.inner.read(job)
    }

    /// The same as [`write`](Self::write), for threads that may block.
    pub(crate) fn with_writer<T, E: From<DbError>>(
        &self,
        job: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.inner.write(job)
    }

    /// The key that opens it, to hand the unlocked profile over to a newer agent.
    pub(crate) fn key(&self) -> Zeroizing<[u8; 32]> {
        self.inner.key.clone()
    }

    /// Writes in one transaction; nothing is kept when `job` fails.
    pub(crate) async fn write<T, E>(
        &self,
        job: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || inner.write(job))
            .await
            .map_err(|_| E::from(DbError::Task))?
    }
}

impl Inner {
    fn write<T, E: From<DbError>>(&self, job: impl FnOnce(&Transaction<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(DbError::from)?;
        let value = job(&transaction)?;
        transaction.commit().map_err(DbError::from)?;
        Ok(value)
    }

    fn read<T>(&self, job: impl FnOnce(&Connection) -> Result<T, DbError>) -> Result<T, DbError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => connect(&self.path, &self.key, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let value = {
            let snapshot = reader.unchecked_transaction()?;
            job(&snapshot)?
        };
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS {
            readers.push(reader);
        }
        Ok(value)
    }
}

fn connect(path: &Path, key: &[u8; 32], flags: OpenFlags) -> Result<Connection, DbError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let hex = Zeroizing::new(data_encoding::HEXLOWER.encode(key));
    let raw = Zeroizing::new(format!("x'{}'", hex.as_str()));
    connection.pragma_update(None, "key", raw.as_str())?;
    connection.pragma_update(None, "cipher_memory_security", "OFF")?;
    connection.busy_timeout(std::time::Duration::from_secs(30))?;
    connection.set_prepared_statement_cache_capacity(64);
    let writes = flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE);
    let cache = if writes { WRITER_CACHE } else { READER_CACHE };
    connection.pragma_update(None, "cache_size", -cache)?;
    if writes {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    }
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    fold::register(&connection)?;
    Ok(connection)
}
