//! Transfers that were cut, and what is kept of them so that they can go on.

use rusqlite::{Connection, OptionalExtension, Row};

use super::DbError;
use super::journals::{from_sql, to_sql};
use super::transfers::StagedPiece;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnfinishedRow {
    pub(crate) id: u64,
    /// The request, as JSON.
    pub(crate) request: String,
    /// Its limits, as JSON.
    pub(crate) limits: String,
    /// When it was begun first, milliseconds since 1970.
    pub(crate) time: i64,
    pub(crate) bytes: u64,
    pub(crate) total: u64,
}

/// Access to them.
pub(crate) struct Unfinished<'a>(pub(crate) &'a Connection);

impl Unfinished<'_> {
    /// All, the oldest first.
    pub(crate) fn all(&self) -> Result<Vec<UnfinishedRow>, DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT id, request, limits, time, bytes, total FROM unfinished ORDER BY id")?;
        let rows = statement.query_map([], row)?;
        rows.collect::<Result<_, _>>().map_err(DbError::from)
    }

    /// The one with this request.
    pub(crate) fn find(&self, request: &str) -> Result<Option<UnfinishedRow>, DbError> {
        let found = self
            .0
            .prepare_cached(
                "SELECT id, request, limits, time, bytes, total FROM unfinished WHERE request = ?1",
            )?
            .query_row([request], row)
            .optional()?;
        Ok(found)
    }

    /// It begins, perhaps once more.
    pub(crate) fn save(&self, row: &UnfinishedRow) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO unfinished (id, request, limits, time, bytes, total) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                to_sql(row.id),
                &row.request,
                &row.limits,
                row.time,
                to_sql(row.bytes),
                to_sql(row.total),
            ))?;
        Ok(())
    }

    /// So much of it is done.
    pub(crate) fn advance(&self, id: u64, bytes: u64, total: u64) -> Result<(), DbError> {
        self.0
            .prepare_cached("UPDATE unfinished SET bytes = ?2, total = ?3 WHERE id = ?1")?
            .execute((to_sql(id), to_sql(bytes), to_sql(total)))?;
        Ok(())
    }

    /// It has ended, or shall not go on.
    pub(crate) fn remove(&self, id: u64) -> Result<(), DbError> {
        self.0
            .prepare_cached("DELETE FROM unfinished WHERE id = ?1")?
            .execute([to_sql(id)])?;
        Ok(())
    }

    /// Forgets blobs that the server staged, where `ours` says so of a local path.
    pub(crate) fn forget_staged(&self, ours: impl Fn(&[u8]) -> bool) -> Result<(), DbError> {
        let mut staged = self.0.prepare_cached("SELECT drive, blob, pieces FROM staged")?;
        let mut gone: Vec<(i64, Vec<u8>)> = Vec::new();
        let mut rows = staged.query([])?;
        while let Some(row) = rows.next()? {
            let pieces = zeroize::Zeroizing::new(row.get::<_, Vec<u8>>(2)?);
            let pieces = crannog_proto::decode::<Vec<StagedPiece>>(&pieces)?;
            if pieces.iter().any(|piece| ours(&piece.path)) {
                gone.push((row.get(0)?, row.get(1)?));
            }
        }
        let mut delete = self
            .0
            .prepare_cached("DELETE FROM staged WHERE drive = ?1 AND blob = ?2")?;
        for row in gone {
            delete.execute(row)?;
        }
        Ok(())
    }

    /// Forgets what lies in part files, where `ours` says so of one; those that it named.
    pub(crate) fn forget_parts(&self, ours: impl Fn(&[u8]) -> bool) -> Result<Vec<Vec<u8>>, DbError> {
        let mut parts = self.0.prepare_cached("SELECT DISTINCT part FROM fetched")?;
        let all = parts.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        let mut gone = Vec::new();
        for part in all {
            let part = part?;
            if ours(&part) {
                gone.push(part);
            }
        }
        for part in &gone {
            super::Transfers(self.0).forget_fetched(part)?;
        }
        Ok(gone)
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<UnfinishedRow> {
    Ok(UnfinishedRow {
        id: from_sql(row.get(0)?),
        request: row.get(1)?,
        limits: row.get(2)?,
        time: row.get(3)?,
        bytes: from_sql(row.get(4)?),
        total: from_sql(row.get(5)?),
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{Unfinished, UnfinishedRow};

    #[test]
    fn one_row_for_a_request() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(include_str!("migrations/0005.sql"))
            .unwrap();
        let unfinished = Unfinished(&connection);
        let mut row = UnfinishedRow {
            id: 7,
            request: "{}".into(),
            limits: "{}".into(),
            time: 1,
            bytes: 0,
            total: 0,
        };
        unfinished.save(&row).unwrap();
        unfinished.save(&row).unwrap();
        unfinished.advance(7, 3, 9).unwrap();
        (row.bytes, row.total) = (3, 9);
        assert_eq!(unfinished.all().unwrap(), [row.clone()]);
        assert_eq!(unfinished.find("{}").unwrap(), Some(row));
        assert_eq!(unfinished.find("[]").unwrap(), None);
        unfinished.remove(7).unwrap();
        assert!(unfinished.all().unwrap().is_empty());
    }
}
