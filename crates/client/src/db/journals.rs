//! Journals and their head chains.

use crannog_proto::{EntryId, Hash, JournalId, Seen, SeqRange};
use rusqlite::{Connection, OptionalExtension};

use super::DbError;

/// A journal's row.
#[derive(Debug, Clone)]
pub(crate) struct JournalRow {
    /// Local number, used as key by the other tables.
    pub(crate) id: i64,
    /// Which journal.
    pub(crate) journal: JournalId,
    /// Core's state, encoded; `zeroize`d by whoever decodes it.
    pub(crate) state: Vec<u8>,
    /// Why it is frozen, if it is.
    pub(crate) alarm: Option<String>,
}

/// What is kept of an entry that was read.
#[derive(Debug)]
pub(crate) struct EntryRow<'a> {
    pub(crate) at: &'a Seen,
    pub(crate) id: &'a EntryId,
    /// The hash of its header.
    pub(crate) header: &'a Hash,
    /// When its author wrote it; none where the body is gone.
    pub(crate) time: Option<i64>,
    /// Whether a Prune may take its body.
    pub(crate) prunable: bool,
    /// Whether its body was gone: a later Prune has to say so.
    pub(crate) withheld: bool,
}

/// Access to journals and heads.
pub(crate) struct Journals<'a>(pub(crate) &'a Connection);

impl Journals<'_> {
    pub(crate) fn find(&self, journal: &JournalId) -> Result<Option<JournalRow>, DbError> {
        let row = self
            .0
            .prepare_cached("SELECT id, state, alarm FROM journals WHERE journal = ?1")?
            .query_row([journal.as_bytes().as_slice()], |row| {
                Ok(JournalRow {
                    id: row.get(0)?,
                    journal: *journal,
                    state: row.get(1)?,
                    alarm: row.get(2)?,
                })
            })
            .optional()?;
        Ok(row)
    }

    pub(crate) fn all(&self) -> Result<Vec<JournalRow>, DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT id, journal, state, alarm FROM journals ORDER BY id")?;
        let rows = statement.query_map([], |row| {
            Ok(JournalRow {
                id: row.get(0)?,
                journal: JournalId(row.get(1)?),
                state: row.get(2)?,
                alarm: row.get(3)?,
            })
        })?;
        rows.collect::<Result<_, _>>().map_err(DbError::from)
    }

    /// Adds or replaces the state; gives the local number.
    pub(crate) fn save(
        &self,
        journal: &JournalId,
        state: &[u8],
        last_seq: Option<u64>,
    ) -> Result<i64, DbError> {
        let seq = last_seq.map_or(-1, to_sql);
        let id = self
            .0
            .prepare_cached(
                "INSERT INTO journals (journal, state, last_seq) VALUES (?1, ?2, ?3)
                 ON CONFLICT (journal) DO UPDATE SET state = ?2, last_seq = ?3 RETURNING id",
            )?
            .query_row((journal.as_bytes().as_slice(), state, seq), |row| row.get(0))?;
        Ok(id)
    }

    /// Forgets a journal and all that hangs on it.
    pub(crate) fn remove(&self, journal: &JournalId) -> Result<(), DbError> {
        self.0.execute(
            "DELETE FROM journals WHERE journal = ?1",
            [journal.as_bytes().as_slice()],
        )?;
        Ok(())
    }

    /// The last place that was read.
    pub(crate) fn last(&self, id: i64) -> Result<u64, DbError> {
        let last = self
            .0
            .prepare_cached("SELECT last_seq FROM journals WHERE id = ?1")?
            .query_row([id], |row| row.get(0))?;
        Ok(from_sql(last))
    }

    /// Nothing of it was read: state, heads and what was noted of entries begin anew. Its number stays.
    pub(crate) fn rewind(&self, id: i64, state: &[u8]) -> Result<(), DbError> {
        self.0.execute(
            "UPDATE journals SET state = ?2, last_seq = -1 WHERE id = ?1",
            (id, state),
        )?;
        for table in [
            "heads",
            "receipts",
            "history",
            "segments",
            "checkpoints",
            "outdated_blobs",
        ] {
            self.0
                .execute(&format!("DELETE FROM {table} WHERE journal = ?1"), [id])?;
        }
        Ok(())
    }

    /// Freezes the journal: nothing of it is used any more until the alarm was looked at. `culprit` is the header's hash of a member's entry
    /// that made it, if it can be passed over then. The first alarm stands: only CHK-012, which a restored server may be excused of, gives
    /// way to another.
    pub(crate) fn set_alarm(
        &self,
        journal: &JournalId,
        alarm: &str,
        culprit: Option<Hash>,
    ) -> Result<(), DbError> {
        self.0.execute(
            "UPDATE journals SET alarm = ?2, culprit = ?3
             WHERE journal = ?1 AND (alarm IS NULL OR alarm LIKE 'CHK-012%')",
            (
                journal.as_bytes().as_slice(),
                alarm,
                culprit.map(|header| header.0.to_vec()),
            ),
        )?;
        Ok(())
    }

    /// The alarm was looked at. What made it is checked again by the next reading, but for a member's bad entry, which is passed over.
    pub(crate) fn dismiss_alarm(&self, journal: &JournalId) -> Result<(), DbError> {
        let id = journal.as_bytes().as_slice();
        self.0.execute(
            "INSERT OR IGNORE INTO skipped (journal, header)
             SELECT id, culprit FROM journals WHERE journal = ?1 AND culprit IS NOT NULL",
            [id],
        )?;
        self.0.execute(
            "UPDATE journals SET alarm = NULL, culprit = NULL WHERE journal = ?1",
            [id],
        )?;
        Ok(())
    }

    /// Whether the entry with this header was looked at and is passed over.
    pub(crate) fn is_skipped(&self, id: i64, header: &Hash) -> Result<bool, DbError> {
        let found = self
            .0
            .prepare_cached("SELECT 1 FROM skipped WHERE journal = ?1 AND header = ?2")?
            .exists((id, header.0.as_slice()))?;
        Ok(found)
    }

    pub(crate) fn alarms(&self) -> Result<Vec<(JournalId, String)>, DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT journal, alarm FROM journals WHERE alarm IS NOT NULL")?;
        let rows = statement.query_map([], |row| Ok((JournalId(row.get(0)?), row.get(1)?)))?;
        rows.collect::<Result<_, _>>().map_err(DbError::from)
    }

    /// An entry was read.
    pub(crate) fn add_head(&self, id: i64, entry: &EntryRow<'_>) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT INTO heads (journal, seq, head, entry, header, time, prunable, withheld)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute((
                id,
                to_sql(entry.at.seq),
                entry.at.head.0.as_slice(),
                entry.id.as_bytes().as_slice(),
                entry.header.0.as_slice(),
                entry.time,
                entry.prunable,
                entry.withheld,
            ))?;
        Ok(())
    }

    /// Runs of entries before a place whose bodies may go; at most `most` of them.
    pub(crate) fn prunable(&self, id: i64, before: u64, most: usize) -> Result<Vec<SeqRange>, DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT seq FROM heads INDEXED BY heads_to_prune WHERE journal = ?1 AND seq < ?2 AND prunable = 1 ORDER BY seq")?;
        let mut rows = statement.query((id, to_sql(before)))?;
        let mut ranges: Vec<SeqRange> = Vec::new();
        while let Some(row) = rows.next()? {
            let seq = from_sql(row.get(0)?);
            let full = ranges.len() == most;
            match ranges.last_mut() {
                Some(range) if range.to + 1 == seq => range.to = seq,
                _ if full => break,
                _ => ranges.push(SeqRange { from: seq, to: seq }),
            }
        }
        Ok(ranges)
    }

    /// Whether an entry was read without its body.
    pub(crate) fn lacks_bodies(&self, id: i64) -> Result<bool, DbError> {
        let found = self
            .0
            .prepare_cached(
                "SELECT 1 FROM heads INDEXED BY heads_without_body WHERE journal = ?1 AND time IS NULL",
            )?
            .exists([id])?;
        Ok(found)
    }

    /// A Prune took these bodies.
    pub(crate) fn pruned(&self, id: i64, range: &SeqRange) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "UPDATE heads SET prunable = 0 WHERE journal = ?1 AND seq BETWEEN ?2 AND ?3 AND prunable = 1",
            )?
            .execute((id, to_sql(range.from), to_sql(range.to)))?;
        self.0
            .prepare_cached(
                "UPDATE heads SET withheld = 0 WHERE journal = ?1 AND seq BETWEEN ?2 AND ?3 AND withheld = 1",
            )?
            .execute((id, to_sql(range.from), to_sql(range.to)))?;
        Ok(())
    }

    /// Whether a body was gone and no Prune that was read says why.
    pub(crate) fn lacks_a_prune(&self, id: i64) -> Result<bool, DbError> {
        let found = self
            .0
            .prepare_cached(
                "SELECT 1 FROM heads INDEXED BY heads_withheld WHERE journal = ?1 AND withheld = 1",
            )?
            .exists([id])?;
        Ok(found)
    }

    pub(crate) fn head_at(&self, id: i64, seq: u64) -> Result<Option<Hash>, DbError> {
        let head = self
            .0
            .prepare_cached("SELECT head FROM heads WHERE journal = ?1 AND seq = ?2")?
            .query_row((id, to_sql(seq)), |row| row.get(0))
            .optional()?;
        Ok(head.map(Hash))
    }

    /// Which entry was read at a place.
    pub(crate) fn entry_at(&self, id: i64, seq: u64) -> Result<Option<EntryId>, DbError> {
        let entry = self
            .0
            .prepare_cached("SELECT entry FROM heads WHERE journal = ?1 AND seq = ?2")?
            .query_row((id, to_sql(seq)), |row| row.get(0))
            .optional()?;
        Ok(entry.map(EntryId))
    }

    /// Adds the row of a journal of which nothing was read; one that is there stays as it is. Gives number and state.
    pub(crate) fn add(&self, journal: &JournalId, state: &[u8]) -> Result<JournalRow, DbError> {
        if self.find(journal)?.is_none() {
            self.save(journal, state, None)?;
        }
        self.find(journal)?.ok_or(DbError::Damaged("a journal's row"))
    }

    pub(crate) fn knows_entry(&self, id: i64, entry: &EntryId) -> Result<bool, DbError> {
        let found = self
            .0
            .prepare_cached("SELECT 1 FROM heads WHERE journal = ?1 AND entry = ?2")?
            .exists((id, entry.as_bytes().as_slice()))?;
        Ok(found)
    }
}

/// SQLite's integers are signed; our counters stay far below 2^63.
pub(super) fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The way back; negative values were never written.
pub(super) fn from_sql(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
