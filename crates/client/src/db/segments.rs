//! What is known of the segments of checkpoints.

#[cfg(test)]
mod tests;

use crannog_core::drive::{Manifest, Segment};
use crannog_core::journal::Author;
use crannog_proto::{AccountId, DeviceId, encode};
use rusqlite::{Connection, OptionalExtension};

use super::DbError;
use super::journals::{from_sql, to_sql};

/// Access to them. A segment is known by all that a manifest says of it: another place of the same bytes is another segment.
pub(crate) struct Segments<'a>(pub(crate) &'a Connection);

/// A segment as one manifest cites it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cited<'a> {
    /// What the manifest leaves out.
    pub(crate) forgotten: u64,
    pub(crate) segment: &'a Segment,
}

impl Cited<'_> {
    fn id(self) -> [u8; 32] {
        let said = zeroize::Zeroizing::new(encode(&(self.forgotten, self.segment)));
        *blake3::hash(&said).as_bytes()
    }
}

/// The segments of a manifest.
pub(crate) fn cited(manifest: &Manifest) -> impl Iterator<Item = Cited<'_>> {
    let forgotten = manifest.forgotten;
    manifest
        .segments
        .iter()
        .map(move |segment| Cited { forgotten, segment })
}

/// What this device knows of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// A device of this account wrote it: its blobs are no file's.
    pub(crate) own: bool,
    /// This device wrote it, or opened what its blobs hold.
    pub(crate) held: bool,
    /// From which place on a checkpoint may rest on it; none where it was not compared.
    pub(crate) from: Option<u64>,
}

impl Known {
    /// Made from the own fold, which stands there.
    pub(crate) fn written(from: u64) -> Self {
        Self {
            own: true,
            held: true,
            from: Some(from),
        }
    }

    /// Opened, and found true.
    pub(crate) fn opened(from: u64) -> Self {
        Self {
            own: false,
            ..Self::written(from)
        }
    }

    /// Found true by its hash.
    pub(crate) fn equal(own: bool, from: u64) -> Self {
        Self {
            from: Some(from),
            ..Self::seen(own)
        }
    }

    /// It stands in a manifest, of this account or of another.
    pub(crate) fn seen(own: bool) -> Self {
        Self {
            own,
            held: false,
            from: None,
        }
    }
}

impl Segments<'_> {
    pub(crate) fn is_compared(&self, journal: i64, cited: Cited<'_>) -> Result<bool, DbError> {
        Ok(self
            .known(journal, cited)?
            .is_some_and(|known| known.from.is_some()))
    }

    /// Whether a device of this account wrote it, and it was true.
    pub(crate) fn is_own(&self, journal: i64, cited: Cited<'_>) -> Result<bool, DbError> {
        Ok(self
            .known(journal, cited)?
            .is_some_and(|known| known.own && known.from.is_some()))
    }

    /// Whether its blobs are there and hold it: devices of the own account put them where they say.
    pub(crate) fn is_held(&self, journal: i64, cited: Cited<'_>) -> Result<bool, DbError> {
        Ok(self
            .known(journal, cited)?
            .is_some_and(|known| known.own || known.held))
    }

    fn known(&self, journal: i64, cited: Cited<'_>) -> Result<Option<Known>, DbError> {
        let known = self
            .0
            .prepare_cached("SELECT own, held, known FROM segments WHERE journal = ?1 AND segment = ?2")?
            .query_row((journal, cited.id().as_slice()), |row| {
                Ok(Known {
                    own: row.get(0)?,
                    held: row.get(1)?,
                    from: row.get::<_, Option<i64>>(2)?.map(from_sql),
                })
            })
            .optional()?;
        Ok(known)
    }

    /// Whether all segments were compared.
    pub(crate) fn all_compared(&self, journal: i64, manifest: &Manifest) -> Result<bool, DbError> {
        all(manifest, |cited| self.is_compared(journal, cited))
    }

    /// Whether all were compared, and what was read since does not take away what that says of this checkpoint.
    pub(crate) fn are_true(&self, journal: i64, manifest: &Manifest) -> Result<bool, DbError> {
        all(manifest, |cited| {
            let from = self.known(journal, cited)?.and_then(|known| known.from);
            Ok(from.is_some_and(|from| from <= manifest.through))
        })
    }

    /// Whether nothing of it has to be opened any more.
    pub(crate) fn all_held(&self, journal: i64, manifest: &Manifest) -> Result<bool, DbError> {
        all(manifest, |cited| self.is_held(journal, cited))
    }

    /// What was known before stays: whoever named it first wrote it.
    pub(crate) fn note(&self, journal: i64, cited: Cited<'_>, known: Known) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT INTO segments (journal, segment, own, held, known) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET held = MAX(held, excluded.held), known = COALESCE(known, excluded.known)",
            )?
            .execute((
                journal,
                cited.id().as_slice(),
                known.own,
                known.held,
                known.from.map(to_sql),
            ))?;
        Ok(())
    }

    /// The same where a member's checkpoint names it: of one that nobody named before it is noted who she is.
    pub(crate) fn note_by(
        &self,
        journal: i64,
        cited: Cited<'_>,
        known: Known,
        author: &Author,
    ) -> Result<(), DbError> {
        let first = self.known(journal, cited)?.is_none();
        self.note(journal, cited, known)?;
        if first {
            self.0
                .prepare_cached(
                    "UPDATE segments SET account = ?3, device = ?4 WHERE journal = ?1 AND segment = ?2",
                )?
                .execute((
                    journal,
                    cited.id().as_slice(),
                    author.account.as_bytes().as_slice(),
                    author.device.0.as_slice(),
                ))?;
        }
        Ok(())
    }

    /// Who named it first, if that was noted.
    pub(crate) fn author(&self, journal: i64, cited: Cited<'_>) -> Result<Option<Author>, DbError> {
        let found = self
            .0
            .prepare_cached(
                "SELECT account, device FROM segments WHERE journal = ?1 AND segment = ?2 AND account IS NOT NULL",
            )?
            .query_row((journal, cited.id().as_slice()), |row| {
                Ok(Author {
                    account: AccountId(row.get(0)?),
                    device: DeviceId(row.get(1)?),
                })
            })
            .optional()?;
        Ok(found)
    }

    /// What its blobs hold was opened.
    pub(crate) fn hold(&self, journal: i64, cited: Cited<'_>) -> Result<(), DbError> {
        self.0
            .prepare_cached("UPDATE segments SET held = 1 WHERE journal = ?1 AND segment = ?2")?
            .execute((journal, cited.id().as_slice()))?;
        Ok(())
    }
}

fn all(manifest: &Manifest, holds: impl Fn(Cited<'_>) -> Result<bool, DbError>) -> Result<bool, DbError> {
    for cited in cited(manifest) {
        if !holds(cited)? {
            return Ok(false);
        }
    }
    Ok(true)
}
