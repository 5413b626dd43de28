//! The store in SQLite: WAL, one writer, a small pool of readers.

mod accounts;
mod append;
mod awaited;
mod blobs;
mod copy;
mod departed;
mod files;
mod given_back;
mod healing;
mod inbox;
mod jobs;
mod journals;
mod operator;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crannog_proto::api::Drop;
use crannog_proto::entry::VerifiedEntry;
use crannog_proto::sigchain::GenerationSecrets;
use crannog_proto::{AccountId, BlobId, DeviceId, EpochPublic, Hash, JournalId};
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, ErrorCode as SqlCode, OpenFlags, Row as SqlRow};
use tokio::sync::Semaphore;

use super::{
    Account, AccountKey, AccountRow, Batch, BatchDone, BlobFile, ChainTaken, Dropped, Expiring, FileName,
    GivenBack, GivenChain, Holder, Inspection, InviteRow, JobRow, JournalView, LoginKey, NewAccount, NewDrop,
    NewInvite, NewLink, NewSession, NewStaged, Operator, Placed, Reader, Row, SessionRow, Sigchain, Stats,
    Step, Store, StoreError,
};
use crate::clock::Hour;
use crate::metrics::Metrics;
use writer::{Promise, Writer};

pub(crate) use copy::DatabaseCopy;
pub use schema::SchemaError;

const READERS: usize = 8;
/// Pages of log after which the writer folds it into the database (16 MiB).
const CHECKPOINT_PAGES: u32 = 4_096;
/// Bytes of the log that stay on the disk when all of it was folded in.
const LOG_KEPT: i64 = 4 * 1024 * 1024;

type Result<T> = std::result::Result<T, StoreError>;

/// A database file.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl SqliteStore {
    /// Opens or makes the file, and brings it to the newest version.
    pub(crate) fn open(path: &Path) -> std::result::Result<Self, SchemaError> {
        Self::measured(path, Arc::default())
    }

    /// The same, counting what the writer does.
    pub(crate) fn measured(path: &Path, metrics: Arc<Metrics>) -> std::result::Result<Self, SchemaError> {
        let mut connection = Connection::open(path)?;
        prepare(&connection)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "secure_delete", "on")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
        schema::migrate(&mut connection)?;
        let writer = Writer::start(connection, metrics)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let readers = Readers {
            path: path.to_owned(),
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(READERS),
        };
        Ok(Self {
            writer: Arc::new(writer),
            readers: Arc::new(readers),
        })
    }

    fn read<T, F>(&self, query: F) -> Step<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        Box::pin(async move {
            let _permit = self
                .readers
                .permits
                .acquire()
                .await
                .map_err(|_| StoreError::Closed)?;
            let readers = Arc::clone(&self.readers);
            let task = tokio::task::spawn_blocking(move || {
                let connection = readers.take()?;
                let result = query(&connection);
                readers
                    .idle
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(connection);
                result
            });
            task.await.map_err(|_| StoreError::Closed)?
        })
    }

    fn write<T, F>(&self, promise: Promise, change: F) -> Step<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        Box::pin(self.writer.write(promise, change))
    }
}

impl Readers {
    fn take(&self) -> Result<Connection> {
        if let Some(connection) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(connection);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(failed)?;
        prepare(&connection).map_err(failed)?;
        Ok(connection)
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn failed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(SqlCode::DiskFull) => StoreError::Full,
        Some(SqlCode::ReadOnly) => StoreError::ReadOnly,
        _ => StoreError::Backend(Box::new(error)),
    }
}

/// The same failure once more, for the next who waits.
fn copy_of(error: &rusqlite::Error) -> rusqlite::Error {
    let code = error
        .sqlite_error()
        .map_or(rusqlite::ffi::SQLITE_ERROR, |error| error.extended_code);
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(error.to_string()))
}

/// What stands in the database does not decode.
#[derive(Debug, thiserror::Error)]
#[error("a row of the table {0} is damaged")]
struct Damaged(&'static str);

fn damaged(table: &'static str) -> StoreError {
    StoreError::Backend(Box::new(Damaged(table)))
}

/// SQLite's integers are signed; ours never reach the sign.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn uint(row: &SqlRow<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at)
        .map(|value| u64::try_from(value).unwrap_or(0))
}

fn bytes<const N: usize>(row: &SqlRow<'_>, at: usize) -> rusqlite::Result<[u8; N]> {
    row.get(at)
}

fn hash(row: &SqlRow<'_>, at: usize) -> rusqlite::Result<Hash> {
    bytes(row, at).map(Hash)
}

/// The first column of all rows.
fn column(db: &Connection, sql: &str, values: &[i64]) -> Result<Vec<i64>> {
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let rows = statement
        .query_map(rusqlite::params_from_iter(values), |row| row.get(0))
        .map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

impl FromSql for FileName {
    fn column_result(value: ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(Self)
    }
}

impl Store for SqliteStore {
    fn register(&self, new: NewAccount) -> Step<'_, Placed> {
        self.write(Promise::Durable, move |db| {
            healing::admit(db, false)?;
            accounts::register(db, &new)
        })
    }
    fn login_key(&self, name: String, device: Option<DeviceId>) -> Step<'_, Option<LoginKey>> {
        self.read(move |db| accounts::login_key(db, &name, device))
    }
    fn open_session(&self, new: NewSession) -> Step<'_, ()> {
        self.write(Promise::Staged, move |db| accounts::open_session(db, &new))
    }
    fn session(&self, hash: Hash) -> Step<'_, Option<SessionRow>> {
        self.read(move |db| accounts::session(db, &hash))
    }
    fn account_named(&self, name: String) -> Step<'_, Option<Account>> {
        self.read(move |db| accounts::account(db, "name", &name))
    }
    fn account(&self, key: AccountKey) -> Step<'_, Option<Account>> {
        self.read(move |db| accounts::account(db, "id", &key.0))
    }
    fn account_of(&self, id: AccountId) -> Step<'_, Option<Account>> {
        self.read(move |db| accounts::account(db, "account", &id.0))
    }
    fn give_back_account(&self, given: GivenBack) -> Step<'_, bool> {
        self.write(Promise::Durable, move |db| given_back::account(db, &given))
    }
    fn give_back_chain(&self, given: GivenChain) -> Step<'_, Option<ChainTaken>> {
        self.write(Promise::Durable, move |db| given_back::chain(db, &given))
    }
    fn sigchain(&self, account: AccountId) -> Step<'_, Option<Sigchain>> {
        self.read(move |db| accounts::sigchain(db, &account))
    }
    fn generations(&self, key: AccountKey) -> Step<'_, Vec<GenerationSecrets>> {
        self.read(move |db| accounts::generations(db, key))
    }
    fn append_link(&self, key: AccountKey, new: NewLink) -> Step<'_, ()> {
        self.write(Promise::Durable, move |db| {
            healing::admit(db, false)?;
            accounts::append_link(db, key, &new)
        })
    }
    fn close_account(&self, key: AccountKey, new: NewLink) -> Step<'_, Vec<FileName>> {
        self.write(Promise::Durable, move |db| {
            healing::admit(db, false)?;
            accounts::append_link(db, key, &new)?;
            operator::delete(db, key.0, true)
        })
    }
    fn closed_named(&self, name: String) -> Step<'_, Option<Sigchain>> {
        self.read(move |db| departed::closed(db, &name))
    }
    fn put_drop(&self, new: NewDrop) -> Step<'_, Dropped> {
        self.write(Promise::Durable, move |db| inbox::put(db, &new))
    }
    fn drops(&self, key: AccountKey, now: Hour) -> Step<'_, Vec<Drop>> {
        self.read(move |db| inbox::oldest(db, key, now))
    }
    fn has_drops(&self, key: AccountKey, now: Hour) -> Step<'_, bool> {
        self.read(move |db| inbox::holds_any(db, key, now))
    }
    fn remove_drop(&self, key: AccountKey, id: [u8; 16]) -> Step<'_, ()> {
        self.write(Promise::Durable, move |db| inbox::remove(db, key, id))
    }
    fn create_journal(
        &self,
        creator: AccountKey,
        genesis: VerifiedEntry,
        gives_back: bool,
    ) -> Step<'_, Placed> {
        self.write(Promise::Durable, move |db| {
            healing::admit(db, gives_back)?;
            journals::create(db, creator, &genesis)
        })
    }
    fn journal(&self, id: JournalId) -> Step<'_, Option<JournalView>> {
        self.read(move |db| journals::view(db, &id))
    }
    fn epoch(&self, id: JournalId, epoch: u64) -> Step<'_, Option<EpochPublic>> {
        self.read(move |db| journals::epoch(db, &id, epoch))
    }
    fn reader(&self, id: JournalId, token: Hash) -> Step<'_, Option<Reader>> {
        self.read(move |db| journals::reader(db, &id, &token))
    }
    fn entries(&self, id: JournalId, from: u64, to: u64, limit: usize) -> Step<'_, Vec<Row>> {
        self.read(move |db| journals::entries(db, &id, from, to, limit))
    }
    fn append(&self, batch: Batch) -> Step<'_, BatchDone> {
        self.write(Promise::Durable, move |db| append::append(db, &batch))
    }
    fn stage(&self, new: NewStaged) -> Step<'_, Option<FileName>> {
        self.write(Promise::Staged, move |db| blobs::stage(db, &new))
    }
    fn unstage(&self, id: JournalId, file: BlobFile) -> Step<'_, ()> {
        self.write(Promise::Staged, move |db| blobs::unstage(db, &id, &file))
    }
    fn blob(&self, id: JournalId, blob: BlobId) -> Step<'_, Option<BlobFile>> {
        self.read(move |db| blobs::held(db, &id, &blob))
    }
    fn is_body(&self, id: JournalId, blob: BlobId, from: u64, to: u64) -> Step<'_, bool> {
        self.read(move |db| blobs::is_body(db, &id, &blob, from, to))
    }
    fn lacking(&self, id: JournalId, ids: Vec<BlobId>) -> Step<'_, Vec<BlobId>> {
        self.read(move |db| healing::lacking(db, &id, ids))
    }
    fn unsynced(&self, id: JournalId, ids: Vec<BlobId>) -> Step<'_, Vec<BlobFile>> {
        self.read(move |db| blobs::unsynced(db, &id, &ids))
    }
}

impl Operator for SqliteStore {
    fn create_invite(&self, new: NewInvite) -> Step<'_, ()> {
        self.write(Promise::Durable, move |db| operator::create_invite(db, &new))
    }
    fn invites(&self) -> Step<'_, Vec<InviteRow>> {
        self.read(operator::invites)
    }
    fn is_invited(&self, invite: Hash, now: Hour) -> Step<'_, bool> {
        self.read(move |db| accounts::is_invited(db, &invite, now))
    }
    fn revoke_invite(&self, id: String) -> Step<'_, u64> {
        self.write(Promise::Durable, move |db| operator::revoke_invite(db, &id))
    }
    fn accounts(&self) -> Step<'_, Vec<AccountRow>> {
        self.read(operator::accounts)
    }
    fn inspect(&self, name: String) -> Step<'_, Option<Inspection>> {
        self.read(move |db| operator::inspect(db, &name))
    }
    fn suspend(&self, name: String, suspended: bool) -> Step<'_, bool> {
        self.write(Promise::Durable, move |db| {
            operator::suspend(db, &name, suspended)
        })
    }
    fn set_quota(&self, name: String, quota: u64) -> Step<'_, bool> {
        self.write(Promise::Durable, move |db| operator::set_quota(db, &name, quota))
    }
    fn delete_account(&self, name: String) -> Step<'_, Option<Vec<FileName>>> {
        self.write(Promise::Durable, move |db| operator::delete_account(db, &name))
    }
    fn stats(&self) -> Step<'_, Stats> {
        self.read(operator::stats)
    }
    fn expire(&self, what: Expiring, now: Hour) -> Step<'_, Vec<FileName>> {
        self.write(Promise::Durable, move |db| operator::expire(db, what, now))
    }
    fn lease_job(&self, name: &'static str, holder: Holder, now: Hour, until: Hour) -> Step<'_, bool> {
        self.write(Promise::Durable, move |db| {
            jobs::lease(db, name, holder, now, until)
        })
    }
    fn end_job(&self, name: &'static str, holder: Holder, now: Hour, success: bool) -> Step<'_, ()> {
        self.write(Promise::Durable, move |db| {
            jobs::end(db, name, holder, now, success)
        })
    }
    fn end_leases(&self) -> Step<'_, ()> {
        self.write(Promise::Durable, jobs::end_all)
    }
    fn jobs(&self) -> Step<'_, Vec<JobRow>> {
        self.read(jobs::list)
    }
    fn files(&self, shard: u8) -> Step<'_, Vec<BlobFile>> {
        self.read(move |db| files::in_shard(db, shard))
    }
    fn staged(&self) -> Step<'_, Vec<(JournalId, BlobFile)>> {
        self.read(blobs::staged)
    }
    fn journals(&self, after: Option<JournalId>) -> Step<'_, Vec<JournalId>> {
        self.read(move |db| journals::ids(db, after))
    }
    fn healing(&self) -> Step<'_, Option<i64>> {
        self.read(healing::taken)
    }
    fn set_healing(&self, taken: Option<i64>) -> Step<'_, ()> {
        self.write(Promise::Durable, move |db| healing::set(db, taken))
    }
    fn check(&self) -> Step<'_, Vec<String>> {
        self.read(operator::check)
    }
    fn close(&self) -> Step<'_, ()> {
        Box::pin(async move {
            self.readers
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
            let writer = Arc::clone(&self.writer);
            tokio::task::spawn_blocking(move || writer.close())
                .await
                .map_err(|_| StoreError::Closed)
        })
    }
}
