//! The blobs that an entry names: where they come from, whether they fit, how they are held and dropped.

use crannog_proto::{BlobId, Header, Kind, Place};
use rusqlite::{Connection, OptionalExtension, params};

use super::journal::Journal;
use crate::clock::Hour;
use crate::store::sqlite::{Result, blobs, failed, files, int};
use crate::store::{Batch, BlobFile, FileName};

/// Where a blob that an entry names comes from.
pub(super) enum Source {
    Staged(i64),
    Held { file: i64, dropped: bool },
    Elsewhere(i64),
}

/// Staged comes before held, so that a blob whose file was damaged can be put once more.
pub(super) fn find(
    db: &Connection,
    batch: &Batch,
    journal: &Journal,
    id: &BlobId,
    unsynced: &mut Vec<BlobFile>,
) -> Result<Option<Source>> {
    let staged = db
        .prepare_cached(
            "SELECT f.blob, f.name, f.size, f.id, f.durable FROM staged s JOIN files f ON f.id = s.file
             WHERE s.journal = ?1 AND s.blob = ?2",
        )
        .and_then(|mut select| {
            select
                .query_row(params![journal.row, id.0], |row| {
                    Ok((
                        files::blob_file(row)?,
                        row.get::<_, i64>(3)?,
                        row.get::<_, bool>(4)?,
                    ))
                })
                .optional()
        })
        .map_err(failed)?;
    if let Some((file, row, durable)) = staged {
        if !durable && !batch.synced.contains(&file.name) {
            unsynced.push(file);
        }
        return Ok(Some(Source::Staged(row)));
    }
    let held = db
        .prepare_cached("SELECT file, dropped IS NOT NULL FROM blobs WHERE journal = ?1 AND blob = ?2")
        .and_then(|mut select| {
            select
                .query_row(params![journal.row, id.0], |row| {
                    Ok(Source::Held {
                        file: row.get(0)?,
                        dropped: row.get(1)?,
                    })
                })
                .optional()
        })
        .map_err(failed)?;
    if held.is_some() {
        return Ok(held);
    }
    for token in &batch.tokens {
        let elsewhere = db
            .prepare_cached(
                "SELECT b.file FROM epochs e JOIN journals j ON j.id = e.journal AND j.epoch = e.epoch
                 JOIN blobs b ON b.journal = j.id WHERE e.read_hash = ?1 AND j.creator = ?2 AND b.blob = ?3",
            )
            .and_then(|mut select| {
                select
                    .query_row(params![token.0, journal.creator, id.0], |row| {
                        row.get(0).map(Source::Elsewhere)
                    })
                    .optional()
            })
            .map_err(failed)?;
        if elsewhere.is_some() {
            return Ok(elsewhere);
        }
    }
    Ok(None)
}

/// Rule 4: what was staged is charged already; what was dropped is charged anew.
pub(super) fn fits(db: &Connection, creator: i64, weight: i64, sources: &[(BlobId, Source)]) -> Result<bool> {
    let mut new = weight;
    for (_, source) in sources {
        if let Source::Held { file, dropped: true } | Source::Elsewhere(file) = source {
            let size: i64 = db
                .prepare_cached("SELECT CASE WHEN live > 0 THEN 0 ELSE size END FROM files WHERE id = ?1")
                .and_then(|mut select| select.query_row([file], |row| row.get(0)))
                .map_err(failed)?;
            new = new.saturating_add(size);
        }
    }
    let left: i64 = db
        .prepare_cached("SELECT quota - used FROM accounts WHERE id = ?1")
        .and_then(|mut select| select.query_row([creator], |row| row.get(0)))
        .map_err(failed)?;
    Ok(left >= new)
}

/// Rule 7: what an append's body lies in is its own. A prune of it would otherwise drop what a file of somebody else lies in.
pub(super) fn takes_a_held_blob_for_its_body(db: &Connection, journal: i64, header: &Header) -> Result<bool> {
    let (Kind::Append, Place::Blobs(ids)) = (&header.kind, &header.body.place) else {
        return Ok(false);
    };
    let mut select = db
        .prepare_cached("SELECT 1 FROM blobs WHERE journal = ?1 AND blob = ?2")
        .map_err(failed)?;
    for id in ids {
        if select.exists(params![journal, id.0]).map_err(failed)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn hold(
    db: &Connection,
    journal: i64,
    id: &BlobId,
    source: Source,
    seq: u64,
    freed: &mut Vec<FileName>,
) -> Result<()> {
    let file = match source {
        Source::Held { file, dropped } => {
            if dropped {
                files::revive(db, file)?;
            }
            file
        }
        Source::Elsewhere(file) => {
            files::share(db, file)?;
            file
        }
        Source::Staged(file) => {
            let old = db
                .prepare_cached("SELECT file, dropped IS NULL FROM blobs WHERE journal = ?1 AND blob = ?2")
                .and_then(|mut select| {
                    select
                        .query_row(params![journal, id.0], |row| {
                            Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
                        })
                        .optional()
                })
                .map_err(failed)?;
            if let Some((old, counted)) = old {
                freed.extend(files::release(db, old, counted)?);
            }
            blobs::unstage_row(db, journal, id)?;
            files::mark_durable(db, file)?;
            file
        }
    };
    db.prepare_cached(
        "INSERT OR REPLACE INTO blobs (journal, blob, file, added, dropped) VALUES (?1, ?2, ?3, ?4, NULL)",
    )
    .and_then(|mut insert| insert.execute(params![journal, id.0, file, int(seq)]))
    .map_err(failed)?;
    Ok(())
}

/// A drop counts only if nothing after `seen` added the blob.
pub(super) fn drop_blob(db: &Connection, journal: i64, id: &BlobId, seen: u64, now: Hour) -> Result<()> {
    let file: Option<i64> = db
        .prepare_cached(
            "UPDATE blobs SET dropped = ?4 WHERE journal = ?1 AND blob = ?2 AND added <= ?3 AND dropped IS NULL RETURNING file",
        )
        .and_then(|mut update| update.query_row(params![journal, id.0, int(seen), now.0], |row| row.get(0)).optional())
        .map_err(failed)?;
    file.map_or(Ok(()), |file| files::drop_live(db, file))
}

pub(super) fn is_body(db: &Connection, journal: i64, id: &BlobId) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM bodies WHERE journal = ?1 AND blob = ?2")
        .and_then(|mut select| select.exists(params![journal, id.0]))
        .map_err(failed)
}
