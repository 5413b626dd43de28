//! What goes by Prune and Close.

use crannog_proto::{Header, Kind, Place, SeqRange, decode};
use rusqlite::Connection;

use super::held::drop_blob;
use super::journal::Journal;
use crate::clock::Hour;
use crate::store::FileName;
use crate::store::sqlite::{Result, column, damaged, failed, files, int, uint};

pub(super) fn prune(
    db: &Connection,
    journal: &Journal,
    range: &SeqRange,
    now: Hour,
    may: impl Fn(&Kind) -> bool,
) -> Result<()> {
    let mut select = db
        .prepare_cached("SELECT seq, header, length(body) FROM entries WHERE journal = ?1 AND seq BETWEEN ?2 AND ?3 AND gone = 0")
        .map_err(failed)?;
    let rows = select
        .query_map([journal.row, int(range.from), int(range.to)], |row| {
            Ok((uint(row, 0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, i64>(2)?))
        })
        .map_err(failed)?;
    for row in rows.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)? {
        let (seq, header, length) = row;
        let header: Header = decode(&header).map_err(|_| damaged("entries"))?;
        if !may(&header.kind) {
            continue;
        }
        db.prepare_cached("UPDATE entries SET body = x'', gone = 1 WHERE journal = ?1 AND seq = ?2")
            .and_then(|mut update| update.execute([journal.row, int(seq)]))
            .map_err(failed)?;
        db.prepare_cached("DELETE FROM bodies WHERE journal = ?1 AND seq = ?2")
            .and_then(|mut delete| delete.execute([journal.row, int(seq)]))
            .map_err(failed)?;
        files::charge(db, journal.creator, -length)?;
        if let Place::Blobs(ids) = &header.body.place {
            ids.iter()
                .try_for_each(|id| drop_blob(db, journal.row, id, seq, now))?;
        }
    }
    Ok(())
}

pub(super) fn close(db: &Connection, journal: &Journal, now: Hour, freed: &mut Vec<FileName>) -> Result<()> {
    let live = column(
        db,
        "UPDATE blobs SET dropped = ?2 WHERE journal = ?1 AND dropped IS NULL RETURNING file",
        &[journal.row, now.0],
    )?;
    live.into_iter().try_for_each(|file| files::drop_live(db, file))?;
    for file in column(
        db,
        "DELETE FROM staged WHERE journal = ?1 RETURNING file",
        &[journal.row],
    )? {
        freed.extend(files::release(db, file, true)?);
    }
    Ok(())
}
