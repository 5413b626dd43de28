//! Which segments of checkpoints were found true.

use crannog_core::drive::{Manifest, Segment};
use rusqlite::{Connection, OptionalExtension};

use super::DbError;
use super::journals::to_sql;

/// Access to what was compared.
pub(crate) struct Segments<'a>(pub(crate) &'a Connection);

impl Segments<'_> {
    pub(crate) fn is_compared(&self, journal: i64, segment: &Segment) -> Result<bool, DbError> {
        Ok(self.found(journal, segment)?.is_some())
    }

    /// Whether a device of this account wrote it, and it was true.
    pub(crate) fn is_exact(&self, journal: i64, segment: &Segment) -> Result<bool, DbError> {
        Ok(self.found(journal, segment)? == Some(true))
    }

    /// If it was compared: whether it is exact.
    fn found(&self, journal: i64, segment: &Segment) -> Result<Option<bool>, DbError> {
        let exact = self
            .0
            .prepare_cached(
                "SELECT exact FROM compared WHERE journal = ?1 AND after = ?2 AND upto = ?3 AND hash = ?4",
            )?
            .query_row(
                (
                    journal,
                    to_sql(segment.after),
                    to_sql(segment.to),
                    segment.hash.0.as_slice(),
                ),
                |row| row.get(0),
            )
            .optional()?;
        Ok(exact)
    }

    /// Whether all segments were compared.
    pub(crate) fn all_compared(&self, journal: i64, manifest: &Manifest) -> Result<bool, DbError> {
        for segment in &manifest.segments {
            if !self.is_compared(journal, segment)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether all segments are whole and true, and were written by this account.
    pub(crate) fn all_exact(&self, journal: i64, manifest: &Manifest) -> Result<bool, DbError> {
        for segment in &manifest.segments {
            if !self.is_exact(journal, segment)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `exact`: a device of this account wrote it.
    pub(crate) fn compared(&self, journal: i64, segment: &Segment, exact: bool) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT OR IGNORE INTO compared (journal, after, upto, hash, exact) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((
                journal,
                to_sql(segment.after),
                to_sql(segment.to),
                segment.hash.0.as_slice(),
                exact,
            ))?;
        Ok(())
    }
}
