//! Which segments of checkpoints were found true.

use crannog_core::drive::Segment;
use rusqlite::Connection;

use super::DbError;
use super::journals::to_sql;

/// Access to what was compared.
pub(crate) struct Segments<'a>(pub(crate) &'a Connection);

impl Segments<'_> {
    pub(crate) fn is_compared(&self, journal: i64, segment: &Segment) -> Result<bool, DbError> {
        let found = self
            .0
            .prepare_cached(
                "SELECT 1 FROM compared WHERE journal = ?1 AND after = ?2 AND upto = ?3 AND hash = ?4",
            )?
            .exists((
                journal,
                to_sql(segment.after),
                to_sql(segment.to),
                segment.hash.0.as_slice(),
            ))?;
        Ok(found)
    }

    pub(crate) fn compared(&self, journal: i64, segment: &Segment) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT OR IGNORE INTO compared (journal, after, upto, hash) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                journal,
                to_sql(segment.after),
                to_sql(segment.to),
                segment.hash.0.as_slice(),
            ))?;
        Ok(())
    }
}
