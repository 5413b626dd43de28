//! How much changed between two places, for planning checkpoints.

use std::collections::BTreeSet;

use crannog_core::drive::{Changes, NodeId, is_to_forget};
use crannog_proto::BlobId;
use rusqlite::OptionalExtension;

use super::super::DbError;
use super::super::journals::{from_sql, to_sql};
use super::super::{Checkpoints, blobs_of_checkpoint};
use super::DriveStore;

/// Both tables in the order of their changes: SQLite reads the two indexes side by side.
const CHANGED: &str = "SELECT changed FROM nodes INDEXED BY nodes_by_change WHERE drive = ?1 AND changed > ?2 AND changed <= ?3
     UNION ALL SELECT changed FROM gone INDEXED BY gone_by_change WHERE drive = ?1 AND changed > MAX(?2, ?5) AND changed <= ?3
     ORDER BY 1 LIMIT 1 OFFSET ?4";

impl DriveStore<'_> {
    /// Where the node stands that changed as number `place` (from 0) in `(after, to]`.
    fn nth_change(&self, after: u64, to: u64, place: u64) -> Result<Option<u64>, DbError> {
        let found: Option<i64> = self
            .connection
            .prepare_cached(CHANGED)?
            .query_row(
                (
                    self.drive,
                    to_sql(after),
                    to_sql(to),
                    to_sql(place),
                    to_sql(self.forgotten),
                ),
                |row| row.get(0),
            )
            .optional()?;
        Ok(found.map(from_sql))
    }

    /// The blobs of the newest checkpoint: a file that names one does not take it along when it is purged.
    pub(crate) fn checkpoint_blobs(&self) -> Result<BTreeSet<BlobId>, DbError> {
        let last = Checkpoints(self.connection).last(self.drive)?;
        Ok(last.as_ref().map(blobs_of_checkpoint).unwrap_or_default())
    }

    /// Whether a checkpoint has to be loaded before this is the whole drive.
    pub(crate) fn is_waiting(&self) -> Result<bool, DbError> {
        Ok(Checkpoints(self.connection).start(self.drive)?.is_some())
    }

    /// One of its id vanished: when that came to be, nothing says any more.
    pub(super) fn was_before(&self, node: NodeId) -> Result<(), DbError> {
        self.connection
            .prepare_cached("UPDATE nodes SET reused = 1 WHERE drive = ?1 AND node = ?2")?
            .execute((self.drive, node.0.as_slice()))?;
        Ok(())
    }

    /// Whether a node changed after a place that may have been there: what was only made afterwards has an id that was nobody's before.
    pub(super) fn changed_after(&self, place: u64) -> Result<bool, DbError> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT 1 FROM gone INDEXED BY gone_by_change WHERE drive = ?1 AND changed > ?2
                 UNION ALL SELECT 1 FROM nodes INDEXED BY nodes_by_change
                 WHERE drive = ?1 AND changed > ?2 AND (created <= ?2 OR reused = 1)",
            )?
            .exists((self.drive, to_sql(place)))?;
        Ok(found)
    }

    /// Whether at least so many nodes changed after a place.
    pub(crate) fn has_changed(&self, after: u64, nodes: u64) -> Result<bool, DbError> {
        let last = nodes.saturating_sub(1);
        Ok(self.nth_change(after, u64::MAX, last)?.is_some())
    }
}

impl DriveStore<'_> {
    /// Whether the nodes that vanished, and are not forgotten, are too many beside those that are there.
    pub(crate) fn is_to_forget(&self) -> Result<bool, DbError> {
        let count = |table| -> Result<u64, DbError> {
            let count: i64 = self
                .connection
                .prepare_cached(&format!("SELECT COUNT(*) FROM {table} WHERE drive = ?1"))?
                .query_row([self.drive], |row| row.get(0))?;
            Ok(from_sql(count))
        };
        Ok(is_to_forget(
            count("gone INDEXED BY gone_by_change")?,
            count("nodes INDEXED BY nodes_by_change")?,
        ))
    }
}

impl Changes for DriveStore<'_> {
    type Error = DbError;

    fn count(&self, after: u64, to: u64) -> Result<u64, DbError> {
        let count: i64 = self
            .connection
            .prepare_cached(
                "SELECT (SELECT COUNT(*) FROM nodes INDEXED BY nodes_by_change
                         WHERE drive = ?1 AND changed > ?2 AND changed <= ?3)
                      + (SELECT COUNT(*) FROM gone INDEXED BY gone_by_change
                         WHERE drive = ?1 AND changed > MAX(?2, ?4) AND changed <= ?3)",
            )?
            .query_row(
                (self.drive, to_sql(after), to_sql(to), to_sql(self.forgotten)),
                |row| row.get(0),
            )?;
        Ok(from_sql(count))
    }

    fn cut(&self, after: u64, to: u64, most: u64) -> Result<u64, DbError> {
        let Some(beyond) = self.nth_change(after, to, most)? else {
            return Ok(to);
        };
        let first = self.nth_change(after, to, 0)?;
        Ok(if first == Some(beyond) { beyond } else { beyond - 1 })
    }
}
