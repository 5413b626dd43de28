//! The mark of a restored database: what came after the backup is awaited from the clients (`docs/spec/journal.md`, Healing).

use crannog_proto::{BlobId, ErrorCode, JournalId};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Result, failed};
use crate::store::StoreError;

/// When the backup was taken, while the mark stands.
pub(super) fn taken(db: &Connection) -> Result<Option<i64>> {
    db.prepare_cached("SELECT taken FROM healing")
        .and_then(|mut select| select.query_row([], |row| row.get(0)).optional())
        .map_err(failed)
}

/// Sets the mark, or takes it away. What is sealed when it is first set is what nobody may have spoilt.
pub(super) fn set(db: &Connection, at: Option<i64>) -> Result<()> {
    let Some(at) = at else {
        let ended = db.execute_batch("DELETE FROM healing; DELETE FROM restored;");
        return ended.map_err(failed);
    };
    if taken(db)?.is_none() {
        db.execute_batch(
            "DELETE FROM restored;
             INSERT INTO restored (account, number, secrets) SELECT account, number, secrets FROM generations;",
        )
        .map_err(failed)?;
    }
    db.execute("INSERT OR REPLACE INTO healing (one, taken) VALUES (1, ?1)", [at])
        .map(drop)
        .map_err(failed)
}

/// Whoever brings something new waits while the mark stands: it would take the place of what was acknowledged to others. Says whether it
/// stands.
pub(super) fn admit(db: &Connection, gives_back: bool) -> Result<bool> {
    match taken(db)?.is_some() {
        true if !gives_back => Err(StoreError::Refused(ErrorCode::Healing)),
        stands => Ok(stands),
    }
}

/// Those of these blobs that the journal does not hold.
pub(super) fn lacking(db: &Connection, journal: &JournalId, blobs: Vec<BlobId>) -> Result<Vec<BlobId>> {
    let mut select = db
        .prepare_cached(
            "SELECT 1 FROM journals j JOIN blobs b ON b.journal = j.id WHERE j.journal = ?1 AND b.blob = ?2",
        )
        .map_err(failed)?;
    let mut lacking = Vec::new();
    for blob in blobs {
        if !select.exists(params![journal.0, blob.0]).map_err(failed)? {
            lacking.push(blob);
        }
    }
    Ok(lacking)
}
