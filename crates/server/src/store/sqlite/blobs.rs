//! Blobs: staged under a lease, then held by an entry.

use crannog_proto::{BlobId, ErrorCode, JournalId};
use rusqlite::{Connection, OptionalExtension, params};

use super::files::{self, blob_file};
use super::{Result, bytes, failed};
use crate::store::{BlobFile, FileName, NewStaged, StoreError};

pub(super) fn stage(db: &Connection, new: &NewStaged) -> Result<Option<FileName>> {
    let found = db
        .prepare_cached(
            "SELECT j.id, j.creator, j.closed, j.epoch, a.quota - a.used FROM journals j JOIN accounts a ON a.id = j.creator WHERE j.journal = ?1",
        )
        .and_then(|mut select| {
            select
                .query_row([new.journal.0], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, bool>(2)?, super::uint(row, 3)?, row.get::<_, i64>(4)?))
                })
                .optional()
        })
        .map_err(failed)?;
    let (journal, owner, closed, epoch, left) = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
    if closed {
        return Err(StoreError::Refused(ErrorCode::JournalClosed));
    }
    // Whoever was removed while she sent it stages nothing any more.
    if epoch != new.epoch {
        return Err(StoreError::Refused(ErrorCode::StaleEpoch));
    }
    let old: Option<i64> = staged_file(db, journal, &new.file.blob)?;
    if old.is_none() && left < super::int(new.file.size) {
        let all = staged_bytes(db, journal)?.saturating_add(new.file.size);
        if all > new.reserve {
            return Err(StoreError::Refused(ErrorCode::Quota));
        }
    }
    let replaced = old.map_or(Ok(None), |file| files::release(db, file, true))?;
    let file = files::create(db, owner, &new.file)?;
    // Whoever puts it once more renews the lease, and never shortens it.
    db.prepare_cached(
        "INSERT INTO staged (journal, blob, file, expires) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (journal, blob) DO UPDATE SET file = excluded.file, expires = max(expires, excluded.expires)",
    )
        .and_then(|mut insert| insert.execute(params![journal, new.file.blob.0, file, new.expires.0]))
        .map_err(failed)?;
    Ok(replaced)
}

pub(super) fn unstage(db: &Connection, id: &JournalId, bad: &BlobFile) -> Result<()> {
    let found = db
        .prepare_cached(
            "SELECT s.journal, s.file FROM staged s JOIN journals j ON j.id = s.journal JOIN files f ON f.id = s.file
             WHERE j.journal = ?1 AND s.blob = ?2 AND f.name = ?3",
        )
        .and_then(|mut select| {
            select.query_row(params![id.0, bad.blob.0, bad.name.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(failed)?;
    let Some((journal, file)) = found else {
        return Ok(());
    };
    unstage_row(db, journal, &bad.blob)?;
    files::release(db, file, true)?;
    Ok(())
}

/// Whether an entry in `from..=to` has its body in this blob.
pub(super) fn is_body(db: &Connection, id: &JournalId, blob: &BlobId, from: u64, to: u64) -> Result<bool> {
    db.prepare_cached(
        "SELECT 1 FROM journals j JOIN bodies b ON b.journal = j.id WHERE j.journal = ?1 AND b.blob = ?2 AND b.seq BETWEEN ?3 AND ?4",
    )
    .and_then(|mut select| select.exists(params![id.0, blob.0, super::int(from), super::int(to)]))
    .map_err(failed)
}

/// All that is staged in a journal.
fn staged_bytes(db: &Connection, journal: i64) -> Result<u64> {
    db.prepare_cached(
        "SELECT coalesce(sum(f.size), 0) FROM staged s JOIN files f ON f.id = s.file WHERE s.journal = ?1",
    )
    .and_then(|mut select| select.query_row([journal], |row| super::uint(row, 0)))
    .map_err(failed)
}

/// Removes the row; its file keeps its name.
pub(super) fn unstage_row(db: &Connection, journal: i64, blob: &BlobId) -> Result<()> {
    db.prepare_cached("DELETE FROM staged WHERE journal = ?1 AND blob = ?2")
        .and_then(|mut delete| delete.execute(params![journal, blob.0]))
        .map_err(failed)?;
    Ok(())
}

pub(super) fn staged_file(db: &Connection, journal: i64, blob: &BlobId) -> Result<Option<i64>> {
    db.prepare_cached("SELECT file FROM staged WHERE journal = ?1 AND blob = ?2")
        .and_then(|mut select| {
            select
                .query_row(params![journal, blob.0], |row| row.get(0))
                .optional()
        })
        .map_err(failed)
}

pub(super) fn held(db: &Connection, id: &JournalId, blob: &BlobId) -> Result<Option<BlobFile>> {
    db.prepare_cached(
        "SELECT f.blob, f.name, f.size FROM journals j JOIN blobs b ON b.journal = j.id JOIN files f ON f.id = b.file
         WHERE j.journal = ?1 AND b.blob = ?2",
    )
    .and_then(|mut select| select.query_row(params![id.0, blob.0], blob_file).optional())
    .map_err(failed)
}

pub(super) fn unsynced(db: &Connection, id: &JournalId, ids: &[BlobId]) -> Result<Vec<BlobFile>> {
    let mut select = db
        .prepare_cached(
            "SELECT f.blob, f.name, f.size FROM journals j JOIN staged s ON s.journal = j.id JOIN files f ON f.id = s.file
             WHERE j.journal = ?1 AND s.blob = ?2 AND f.durable = 0",
        )
        .map_err(failed)?;
    let mut found = Vec::new();
    for blob in ids {
        found.extend(
            select
                .query_row(params![id.0, blob.0], blob_file)
                .optional()
                .map_err(failed)?,
        );
    }
    Ok(found)
}

pub(super) fn staged(db: &Connection) -> Result<Vec<(JournalId, BlobFile)>> {
    let mut select = db
        .prepare(
            "SELECT f.blob, f.name, f.size, j.journal FROM staged s JOIN journals j ON j.id = s.journal
             JOIN files f ON f.id = s.file WHERE f.durable = 0",
        )
        .map_err(failed)?;
    let rows = select
        .query_map([], |row| Ok((JournalId(bytes(row, 3)?), blob_file(row)?)))
        .map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}
