//! What the server signed of a journal, and the header hashes that chain it: the material of evidence.

use crannog_proto::sign::Signature;
use crannog_proto::{Hash, JournalId, Receipt};
use rusqlite::{Connection, OptionalExtension};

use super::DbError;
use super::journals::{from_sql, to_sql};

/// Receipts of so many places are kept.
const KEPT: u64 = 1_024;

/// Access to one journal's receipts.
pub(crate) struct Receipts<'a>(pub(crate) &'a Connection);

impl Receipts<'_> {
    /// Keeps a receipt that verified; one of a place that has one already changes nothing.
    pub(crate) fn keep(&self, journal: i64, receipt: &Receipt) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT OR IGNORE INTO receipts (journal, seq, head, signature) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                journal,
                to_sql(receipt.seq),
                receipt.head.0.as_slice(),
                receipt.signature.0.as_slice(),
            ))?;
        self.0
            .prepare_cached("DELETE FROM receipts WHERE journal = ?1 AND seq < ?2")?
            .execute((journal, to_sql(receipt.seq.saturating_sub(KEPT))))?;
        Ok(())
    }

    /// The newest receipt, at `seq` or above it.
    pub(crate) fn newest(&self, journal: i64, id: &JournalId, seq: u64) -> Result<Option<Receipt>, DbError> {
        self.one(
            "SELECT seq, head, signature FROM receipts WHERE journal = ?1 AND seq >= ?2 ORDER BY seq DESC LIMIT 1",
            journal,
            id,
            seq,
        )
    }

    /// The first receipt at `seq` or above it.
    pub(crate) fn next(&self, journal: i64, id: &JournalId, seq: u64) -> Result<Option<Receipt>, DbError> {
        self.one(
            "SELECT seq, head, signature FROM receipts WHERE journal = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1",
            journal,
            id,
            seq,
        )
    }

    fn one(&self, sql: &str, journal: i64, id: &JournalId, seq: u64) -> Result<Option<Receipt>, DbError> {
        let found = self
            .0
            .prepare_cached(sql)?
            .query_row((journal, to_sql(seq)), |row| {
                Ok(Receipt {
                    journal: *id,
                    seq: from_sql(row.get(0)?),
                    head: Hash(row.get(1)?),
                    signature: Signature(row.get(2)?),
                })
            })
            .optional()?;
        Ok(found)
    }

    /// The hashes of the headers in (after, to]; `None` if one of them was read before they were kept.
    pub(crate) fn headers(&self, journal: i64, after: u64, to: u64) -> Result<Option<Vec<Hash>>, DbError> {
        let mut statement = self.0.prepare_cached(
            "SELECT header FROM heads WHERE journal = ?1 AND seq > ?2 AND seq <= ?3 AND header IS NOT NULL ORDER BY seq",
        )?;
        let rows = statement.query_map((journal, to_sql(after), to_sql(to)), |row| row.get(0).map(Hash))?;
        let all: Vec<Hash> = rows.collect::<Result<_, _>>()?;
        Ok((all.len() as u64 == to.saturating_sub(after)).then_some(all))
    }
}
