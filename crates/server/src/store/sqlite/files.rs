//! Files of blobs: who names them, and when they count.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Result, bytes, failed, int, uint};
use crate::store::{BlobFile, FileName};
use crannog_proto::BlobId;

/// A new file with one name, which counts for its owner. Its number is random: in the order of their coming files would tell which journals
/// grew together.
pub(super) fn create(db: &Connection, owner: i64, file: &BlobFile) -> Result<i64> {
    db.prepare_cached(
        "INSERT INTO files (id, name, blob, owner, size, refs, live, durable)
         VALUES (random() & 9223372036854775807, ?1, ?2, ?3, ?4, 1, 1, 0)",
    )
    .and_then(|mut insert| insert.insert(params![file.name.0, file.blob.0, owner, int(file.size)]))
    .map_err(failed)
    .and_then(|id| charge(db, owner, int(file.size)).map(|()| id))
}

/// One more name; it counts.
pub(super) fn share(db: &Connection, file: i64) -> Result<()> {
    change(db, file, 1, 1)
}

/// A name stops to count but stays.
pub(super) fn drop_live(db: &Connection, file: i64) -> Result<()> {
    change(db, file, 0, -1)
}

/// A name that did not count does again.
pub(super) fn revive(db: &Connection, file: i64) -> Result<()> {
    change(db, file, 0, 1)
}

/// A name goes; `counted` if it still did. Gives back the file when it was the last.
pub(super) fn release(db: &Connection, file: i64, counted: bool) -> Result<Option<FileName>> {
    change(db, file, -1, if counted { -1 } else { 0 })?;
    db.prepare_cached("DELETE FROM files WHERE id = ?1 AND refs <= 0 RETURNING name")
        .and_then(|mut delete| delete.query_row([file], |row| row.get(0)).optional())
        .map_err(failed)
}

/// The file is on disk, folder and all.
pub(super) fn mark_durable(db: &Connection, file: i64) -> Result<()> {
    db.prepare_cached("UPDATE files SET durable = 1 WHERE id = ?1")
        .and_then(|mut update| update.execute([file]))
        .map_err(failed)?;
    Ok(())
}

/// Adds to what an account uses.
pub(super) fn charge(db: &Connection, owner: i64, amount: i64) -> Result<()> {
    db.prepare_cached("UPDATE accounts SET used = max(0, used + ?2) WHERE id = ?1")
        .and_then(|mut update| update.execute([owner, amount]))
        .map_err(failed)?;
    Ok(())
}

fn change(db: &Connection, file: i64, refs: i64, live: i64) -> Result<()> {
    let (owner, size, after): (i64, i64, i64) = db
        .prepare_cached(
            "UPDATE files SET refs = refs + ?2, live = live + ?3 WHERE id = ?1 RETURNING owner, size, live",
        )
        .and_then(|mut update| {
            update.query_row([file, refs, live], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
        })
        .map_err(failed)?;
    match (after - live > 0, after > 0) {
        (false, true) => charge(db, owner, size),
        (true, false) => charge(db, owner, -size),
        _ => Ok(()),
    }
}

pub(super) fn in_shard(db: &Connection, shard: u8) -> Result<Vec<BlobFile>> {
    let (mut from, mut to) = ([0; 16], [0xff; 16]);
    from[0] = shard;
    to[0] = shard;
    let mut select = db
        .prepare_cached("SELECT blob, name, size FROM files WHERE name BETWEEN ?1 AND ?2")
        .map_err(failed)?;
    let rows = select.query_map(params![from, to], blob_file).map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

/// Of a shard, those that are promised to somebody, by name.
pub(super) fn promised(db: &Connection, shard: u8) -> Result<Vec<BlobFile>> {
    let (mut from, mut to) = ([0; 16], [0xff; 16]);
    from[0] = shard;
    to[0] = shard;
    let mut select = db
        .prepare_cached(
            "SELECT blob, name, size FROM files WHERE name BETWEEN ?1 AND ?2 AND durable = 1 ORDER BY name",
        )
        .map_err(failed)?;
    let rows = select.query_map(params![from, to], blob_file).map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

/// From columns blob, name, size.
pub(super) fn blob_file(row: &rusqlite::Row<'_>) -> rusqlite::Result<BlobFile> {
    Ok(BlobFile {
        blob: BlobId(bytes(row, 0)?),
        name: row.get(1)?,
        size: uint(row, 2)?,
    })
}
