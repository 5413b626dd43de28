//! Entries byte for byte, for a server that has to have them back.

#[cfg(test)]
mod tests;

use crannog_proto::{BlobId, Entry, Header, SeqRange, decode, encode};
use rusqlite::Connection;

use super::DbError;
use super::checkpoints::Checkpoints;
use super::journals::{Journals, from_sql, to_sql};
use super::meta::{Meta, MetaKey};

/// An entry as it was read or written.
#[derive(Debug, Clone)]
pub(crate) struct RawEntry {
    pub(crate) seq: u64,
    pub(crate) entry: Entry,
    /// Its body, if that travelled in blobs.
    pub(crate) body: Option<Vec<u8>>,
    /// Whether a device of this account wrote it.
    pub(crate) own: bool,
}

impl RawEntry {
    /// About so many bytes go to the server with it, and are held until then.
    fn len(&self) -> usize {
        let in_blobs = self.body.as_ref().map_or(0, Vec::len);
        self.entry.header.len() + self.entry.body.len() + in_blobs + 128
    }
}

/// Access to them.
pub(crate) struct RawEntries<'a>(pub(crate) &'a Connection);

impl RawEntries<'_> {
    /// Keeps one.
    pub(crate) fn keep(&self, journal: i64, raw: &RawEntry, now: i64) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO raw_entries (journal, seq, entry, body, kept, own) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                journal,
                to_sql(raw.seq),
                encode(&raw.entry),
                raw.body.as_deref(),
                now,
                raw.own,
            ))?;
        Ok(())
    }

    /// The entries from `from` on, without gap: at most so many and about so many bytes, one in any case.
    pub(crate) fn run(
        &self,
        journal: i64,
        from: u64,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<RawEntry>, DbError> {
        let mut statement = self.0.prepare_cached(
            "SELECT seq, entry, body, own FROM raw_entries WHERE journal = ?1 AND seq >= ?2 ORDER BY seq",
        )?;
        let mut rows = statement.query((journal, to_sql(from)))?;
        let (mut run, mut left) = (Vec::new(), bytes);
        while run.len() < count
            && let Some(row) = rows.next()?
        {
            let raw = RawEntry {
                seq: from_sql(row.get(0)?),
                entry: decode(&row.get::<_, Vec<u8>>(1)?).map_err(|_| DbError::Damaged("a kept entry"))?,
                body: row.get(2)?,
                own: row.get(3)?,
            };
            let follows = raw.seq == from + run.len() as u64;
            if !follows || (!run.is_empty() && raw.len() > left) {
                break;
            }
            left = left.saturating_sub(raw.len());
            run.push(raw);
        }
        Ok(run)
    }

    /// How many there are from `from` on without gap.
    pub(crate) fn count(&self, journal: i64, from: u64) -> Result<u64, DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT seq FROM raw_entries WHERE journal = ?1 AND seq >= ?2 ORDER BY seq")?;
        let mut rows = statement.query((journal, to_sql(from)))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            if from_sql(row.get(0)?) != from + count {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    /// Each that there is, in order; bodies in blobs are left out.
    pub(crate) fn each(
        &self,
        journal: i64,
        mut job: impl FnMut(RawEntry) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT seq, entry, own FROM raw_entries WHERE journal = ?1 ORDER BY seq")?;
        let mut rows = statement.query([journal])?;
        while let Some(row) = rows.next()? {
            job(RawEntry {
                seq: from_sql(row.get(0)?),
                entry: decode(&row.get::<_, Vec<u8>>(1)?).map_err(|_| DbError::Damaged("a kept entry"))?,
                body: None,
                own: row.get(2)?,
            })?;
        }
        Ok(())
    }

    /// Those of a journal that has ended are of no use.
    pub(crate) fn drop_all(&self, journal: i64) -> Result<(), DbError> {
        self.0
            .execute("DELETE FROM raw_entries WHERE journal = ?1", [journal])?;
        Ok(())
    }

    /// Whether some were kept before and nothing is known here that asks for them: no journal of which the server showed less than it had
    /// (CHK-012), and no word of an admin that is owed.
    pub(crate) fn are_outdated(&self, time: i64) -> Result<bool, DbError> {
        let owed = Meta(self.0).read::<bool>(MetaKey::Healing)? == Some(true);
        let alarms = Journals(self.0).alarms()?;
        if owed || alarms.iter().any(|(_, alarm)| alarm.starts_with("CHK-012")) {
            return Ok(false);
        }
        let old = self
            .0
            .prepare_cached("SELECT 1 FROM raw_entries WHERE kept < ?1")?
            .exists([time])?;
        Ok(old)
    }

    /// Those that were kept before.
    pub(crate) fn forget_before(&self, time: i64) -> Result<(), DbError> {
        self.0
            .execute("DELETE FROM raw_entries WHERE kept < ?1", [time])?;
        Ok(())
    }

    /// An admin said that what these entries brought is lost.
    pub(crate) fn lose(&self, journal: i64, ranges: &[SeqRange]) -> Result<(), DbError> {
        let mut lost = Vec::new();
        self.each(journal, |raw| {
            if ranges
                .iter()
                .any(|range| (range.from..=range.to).contains(&raw.seq))
            {
                let header: Header =
                    decode(&raw.entry.header).map_err(|_| DbError::Damaged("a kept entry"))?;
                lost.extend(header.adds.iter().copied());
            }
            Ok(())
        })?;
        let mut insert = self
            .0
            .prepare_cached("INSERT OR IGNORE INTO lost_blobs (journal, blob) VALUES (?1, ?2)")?;
        for blob in &lost {
            insert.execute((journal, blob.as_bytes().as_slice()))?;
        }
        Checkpoints(self.0).lose(journal, &lost)
    }

    /// Whether a Reset named it.
    pub(crate) fn is_lost(&self, journal: i64, blob: &BlobId) -> Result<bool, DbError> {
        let found = self
            .0
            .prepare_cached("SELECT 1 FROM lost_blobs WHERE journal = ?1 AND blob = ?2")?
            .exists((journal, blob.as_bytes().as_slice()))?;
        Ok(found)
    }
}
