//! The newest checkpoint of a journal, what it left behind, and where a fold is to begin.

use std::collections::BTreeSet;

use crannog_core::content::blobs_of;
use crannog_core::drive::{DriveState, Manifest};
use crannog_core::identity::Vouch;
use crannog_proto::{BlobId, DeviceId, Hash, Seen};
use rusqlite::{Connection, OptionalExtension};
use zeroize::Zeroizing;

use super::journals::{from_sql, to_sql};
use super::segments::{Segments, cited};
use super::{DbError, DriveStore};

/// A batch that waits, and its place.
type Deferred = (u64, Zeroizing<Vec<u8>>);

/// Access to checkpoints.
pub(crate) struct Checkpoints<'a>(pub(crate) &'a Connection);

impl Checkpoints<'_> {
    /// The newest one that was read.
    pub(crate) fn last(&self, journal: i64) -> Result<Option<Manifest>, DbError> {
        Ok(self.newest(journal)?.map(|(_, manifest)| manifest))
    }

    /// The same, with the place of its entry.
    pub(crate) fn newest(&self, journal: i64) -> Result<Option<(u64, Manifest)>, DbError> {
        let found: Option<(i64, Vec<u8>)> = self
            .0
            .prepare_cached("SELECT seq, manifest FROM checkpoints WHERE journal = ?1")?
            .query_row([journal], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((seq, bytes)) = found else {
            return Ok(None);
        };
        Ok(Some((
            from_sql(seq),
            crannog_proto::decode(&Zeroizing::new(bytes))?,
        )))
    }

    /// The device that wrote the newest one, if that was noted.
    pub(crate) fn device(&self, journal: i64) -> Result<Option<DeviceId>, DbError> {
        let found: Option<Option<[u8; 16]>> = self
            .0
            .prepare_cached("SELECT device FROM checkpoints WHERE journal = ?1")?
            .query_row([journal], |row| row.get(0))
            .optional()?;
        Ok(found.flatten().map(DeviceId))
    }

    /// Another one was read. What the one before it cited, and this one does not, is to be dropped.
    pub(crate) fn replace(
        &self,
        journal: i64,
        seq: u64,
        device: &DeviceId,
        manifest: &Manifest,
    ) -> Result<(), DbError> {
        if let Some(before) = self.last(journal)? {
            self.outdate(journal, &before, manifest)?;
        }
        self.dropped(journal, blobs(manifest).iter())?;
        DriveStore::new(self.0, journal).forget(manifest.forgotten)?;
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO checkpoints (journal, seq, manifest, device) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                journal,
                to_sql(seq),
                Zeroizing::new(crannog_proto::encode(manifest)).as_slice(),
                device.0.as_slice(),
            ))?;
        Ok(())
    }

    /// Of `old`, what `kept` does not cite is to be dropped. Of another account's segments nobody knows whether their blobs are not a file's.
    pub(crate) fn outdate(&self, journal: i64, old: &Manifest, kept: &Manifest) -> Result<(), DbError> {
        let kept = blobs(kept);
        let mut outdated = self
            .0
            .prepare_cached("INSERT OR IGNORE INTO outdated_blobs (journal, blob) VALUES (?1, ?2)")?;
        for cited in cited(old) {
            if Segments(self.0).is_own(journal, cited)? {
                for blob in blobs_of(&cited.segment.content).filter(|blob| !kept.contains(blob)) {
                    outdated.execute((journal, blob.0.as_slice()))?;
                }
            }
        }
        Ok(())
    }

    /// The newest one cannot be had any more: the next one cites nothing of it.
    pub(crate) fn forget(&self, journal: i64) -> Result<(), DbError> {
        self.0
            .prepare_cached("UPDATE checkpoints SET lost = 1 WHERE journal = ?1")?
            .execute([journal])?;
        Ok(())
    }

    /// What the next one may cite again.
    pub(crate) fn citable(&self, journal: i64) -> Result<Option<Manifest>, DbError> {
        let lost = self
            .0
            .prepare_cached("SELECT 1 FROM checkpoints WHERE journal = ?1 AND lost = 1")?
            .exists([journal])?;
        match lost {
            true => Ok(None),
            false => self.last(journal),
        }
    }

    /// The same if it needs one of these blobs, which are lost.
    pub(crate) fn lose(&self, journal: i64, lost: &[BlobId]) -> Result<(), DbError> {
        let cited = self.last(journal)?.as_ref().map(blobs).unwrap_or_default();
        match lost.iter().any(|blob| cited.contains(blob)) {
            true => self.forget(journal),
            false => Ok(()),
        }
    }

    /// Blobs that no checkpoint needs any more; at most `most`.
    pub(crate) fn outdated(&self, journal: i64, most: usize) -> Result<Vec<BlobId>, DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT blob FROM outdated_blobs WHERE journal = ?1 ORDER BY blob LIMIT ?2")?;
        let rows = statement.query_map((journal, most), |row| row.get(0).map(BlobId))?;
        rows.collect::<Result<_, _>>().map_err(DbError::from)
    }

    /// These need not be dropped (any more).
    pub(crate) fn dropped<'b>(
        &self,
        journal: i64,
        blobs: impl Iterator<Item = &'b BlobId>,
    ) -> Result<(), DbError> {
        let mut forget = self
            .0
            .prepare_cached("DELETE FROM outdated_blobs WHERE journal = ?1 AND blob = ?2")?;
        for blob in blobs {
            forget.execute((journal, blob.0.as_slice()))?;
        }
        Ok(())
    }

    /// The vouched checkpoint with which the fold is to begin, if that was not loaded yet.
    pub(crate) fn start(&self, journal: i64) -> Result<Option<Vouch>, DbError> {
        let found = self
            .0
            .prepare_cached("SELECT seq, head, through FROM starts WHERE journal = ?1")?
            .query_row([journal], |row| {
                let at = Seen {
                    seq: from_sql(row.get(0)?),
                    head: Hash(row.get(1)?),
                };
                let through = from_sql(row.get(2)?);
                Ok(Vouch { at, through })
            })
            .optional()?;
        Ok(found)
    }

    /// `fresh`: nothing had been read before.
    pub(crate) fn begin_at(&self, journal: i64, start: &Vouch, fresh: bool) -> Result<(), DbError> {
        // An earlier start that was not reached, or is lost: what waits for it waits for this one, if it lies behind it.
        let fresh = self.is_fresh(journal)? || fresh;
        self.0
            .prepare_cached("DELETE FROM deferred WHERE journal = ?1 AND seq <= ?2")?
            .execute((journal, to_sql(start.through)))?;
        self.0
            .prepare_cached("DELETE FROM starts WHERE journal = ?1")?
            .execute([journal])?;
        self.0
            .prepare_cached(
                "INSERT INTO starts (journal, seq, head, through, fresh) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((
                journal,
                to_sql(start.at.seq),
                start.at.head.0.as_slice(),
                to_sql(start.through),
                fresh,
            ))?;
        Ok(())
    }

    /// Whether nothing had been read when that start was chosen.
    pub(crate) fn is_fresh(&self, journal: i64) -> Result<bool, DbError> {
        let found = self
            .0
            .prepare_cached("SELECT 1 FROM starts WHERE journal = ?1 AND fresh = 1")?
            .exists([journal])?;
        Ok(found)
    }

    pub(crate) fn begun(&self, journal: i64) -> Result<(), DbError> {
        for table in ["starts", "deferred"] {
            self.0
                .execute(&format!("DELETE FROM {table} WHERE journal = ?1"), [journal])?;
        }
        Ok(())
    }

    /// Keeps what is folded only when the checkpoint is loaded.
    pub(crate) fn defer(&self, journal: i64, seq: u64, batch: &[u8]) -> Result<(), DbError> {
        self.0
            .prepare_cached("INSERT OR REPLACE INTO deferred (journal, seq, batch) VALUES (?1, ?2, ?3)")?
            .execute((journal, to_sql(seq), batch))?;
        Ok(())
    }

    /// The first of what was deferred after a place.
    pub(crate) fn deferred(&self, journal: i64, after: u64) -> Result<Option<Deferred>, DbError> {
        let found = self
            .0
            .prepare_cached(
                "SELECT seq, batch FROM deferred WHERE journal = ?1 AND seq > ?2 ORDER BY seq LIMIT 1",
            )?
            .query_row((journal, to_sql(after)), |row| {
                Ok((from_sql(row.get(0)?), Zeroizing::new(row.get(1)?)))
            })
            .optional()?;
        Ok(found)
    }
}

/// The blobs of all segments.
pub(crate) fn blobs(manifest: &Manifest) -> BTreeSet<BlobId> {
    manifest
        .segments
        .iter()
        .flat_map(|segment| blobs_of(&segment.content))
        .collect()
}
