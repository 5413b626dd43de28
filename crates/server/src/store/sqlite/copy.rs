//! A copy of the database in one file: taken for a backup while the server writes, looked at before it is restored.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{BlobFile, Result, failed, files, healing, operator, prepare, schema};

/// A database that no server uses.
#[derive(Debug)]
pub(crate) struct DatabaseCopy(Connection);

impl DatabaseCopy {
    /// The newest version that this program reads.
    #[expect(clippy::cast_possible_truncation, reason = "a few versions")]
    pub(crate) const KNOWN: u32 = schema::MIGRATIONS.len() as u32;

    /// Copies the state of this moment into a file that is empty, without free pages. Other processes may write meanwhile.
    pub(crate) fn take(from: &Path, to: &Path) -> Result<Self> {
        let source = connect(from)?;
        let path = to.as_os_str().to_string_lossy();
        source.execute("VACUUM INTO ?1", [path]).map_err(failed)?;
        Self::open(to)
    }

    /// Opens a copy.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        connect(path).map(Self)
    }

    /// Which version it has.
    pub(crate) fn version(&self) -> Result<u32> {
        self.0
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(failed)
    }

    /// What SQLite finds wrong in it.
    pub(crate) fn integrity(&self) -> Result<Vec<String>> {
        let mut found: Vec<String> =
            operator::all(&self.0, "PRAGMA integrity_check(100)", [], |row| row.get(0))?;
        found.retain(|line| line != "ok");
        Ok(found)
    }

    /// The files of a shard that are promised to somebody, by name; what is staged and not synced is not.
    pub(crate) fn shard(&self, shard: u8) -> Result<Vec<BlobFile>> {
        files::promised(&self.0, shard)
    }

    /// All files of a shard.
    pub(crate) fn every(&self, shard: u8) -> Result<Vec<BlobFile>> {
        files::in_shard(&self.0, shard)
    }

    /// Ends all sessions: one that was ended later must not come back.
    pub(crate) fn end_sessions(&self) -> Result<()> {
        self.0
            .execute_batch("DELETE FROM sessions; UPDATE invites SET revoked = 1;")
            .map_err(failed)
    }

    /// What came after `taken` is awaited from the clients.
    pub(crate) fn begin_healing(&self, taken: i64) -> Result<()> {
        self.0.execute_batch(schema::HEALING).map_err(failed)?;
        healing::set(&self.0, Some(taken))
    }

    /// Closes it, with all that it has to write.
    pub(crate) fn close(self) -> Result<()> {
        self.0.close().map_err(|(_, error)| failed(error))
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    prepare(&connection).map_err(failed)?;
    Ok(connection)
}
