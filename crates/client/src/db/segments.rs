//! Which segments of checkpoints were found true.

use crannog_core::drive::{Manifest, Segment};
use crannog_proto::encode;
use rusqlite::{Connection, OptionalExtension};

use super::DbError;

/// Access to what was compared. A segment is known by all that a manifest says of it: another place of the same bytes is another segment.
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

impl Segments<'_> {
    pub(crate) fn is_compared(&self, journal: i64, cited: Cited<'_>) -> Result<bool, DbError> {
        Ok(self.found(journal, cited)?.is_some())
    }

    /// Whether a device of this account wrote it, and it was true.
    pub(crate) fn is_exact(&self, journal: i64, cited: Cited<'_>) -> Result<bool, DbError> {
        Ok(self.found(journal, cited)? == Some(true))
    }

    /// If it was compared: whether it is exact.
    fn found(&self, journal: i64, cited: Cited<'_>) -> Result<Option<bool>, DbError> {
        let exact = self
            .0
            .prepare_cached("SELECT exact FROM compared WHERE journal = ?1 AND segment = ?2")?
            .query_row((journal, cited.id().as_slice()), |row| row.get(0))
            .optional()?;
        Ok(exact)
    }

    /// Whether all segments were compared.
    pub(crate) fn all_compared(&self, journal: i64, manifest: &Manifest) -> Result<bool, DbError> {
        all(manifest, |cited| self.is_compared(journal, cited))
    }

    /// Whether all segments are whole and true, and were written by this account.
    pub(crate) fn all_exact(&self, journal: i64, manifest: &Manifest) -> Result<bool, DbError> {
        all(manifest, |cited| self.is_exact(journal, cited))
    }

    /// `exact`: a device of this account wrote it.
    pub(crate) fn compared(&self, journal: i64, cited: Cited<'_>, exact: bool) -> Result<(), DbError> {
        self.0
            .prepare_cached("INSERT OR IGNORE INTO compared (journal, segment, exact) VALUES (?1, ?2, ?3)")?
            .execute((journal, cited.id().as_slice(), exact))?;
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
