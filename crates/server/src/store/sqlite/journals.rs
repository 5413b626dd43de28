//! Journals: making, reading, and what a token opens.

use crannog_proto::chain::next_head;
use crannog_proto::entry::VerifiedEntry;
use crannog_proto::sign::{Signature, VerifyingKey};
use crannog_proto::{Entry, EpochPublic, ErrorCode, Hash, JournalId, Kind, Place, limits};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Result, bytes, failed, files, hash, int, uint};
use crate::store::{AccountKey, JournalView, Placed, Reader, Row, StoreError};

pub(super) fn create(db: &Connection, creator: AccountKey, genesis: &VerifiedEntry) -> Result<Placed> {
    let Kind::Genesis(keys) = &genesis.header().kind else {
        return Err(StoreError::Refused(ErrorCode::BadRequest));
    };
    let entry = genesis.entry();
    let id = JournalId::of_genesis(&entry.header);
    let placed = Placed {
        seq: 0,
        head: next_head(&Hash::ZERO, 0, &entry.header),
    };
    let known: Option<i64> = db
        .prepare_cached("SELECT creator FROM journals WHERE journal = ?1")
        .and_then(|mut select| select.query_row([id.0], |row| row.get(0)).optional())
        .map_err(failed)?;
    match known {
        Some(owner) if owner == creator.0 => return Ok(placed),
        Some(_) => return Err(StoreError::Refused(ErrorCode::Forbidden)),
        None => {}
    }
    let left: i64 = db
        .query_row(
            "SELECT quota - used FROM accounts WHERE id = ?1",
            [creator.0],
            |row| row.get(0),
        )
        .map_err(failed)?;
    if left < weight(entry) {
        return Err(StoreError::Refused(ErrorCode::Quota));
    }
    let journal = db
        .prepare_cached(
            "INSERT INTO journals (journal, creator, epoch, last_seq, last_head, checkpoint, closed) VALUES (?1, ?2, 0, 0, ?3, NULL, 0)",
        )
        .and_then(|mut insert| insert.insert(params![id.0, creator.0, placed.head.0]))
        .map_err(failed)?;
    open_epoch(db, journal, 0, keys, 0)?;
    insert_entry(db, journal, &placed, genesis)?;
    files::charge(db, creator.0, weight(entry))?;
    Ok(placed)
}

/// What an entry costs its journal's creator.
pub(super) fn weight(entry: &Entry) -> i64 {
    int((entry.header.len() + entry.body.len() + entry.signature.0.len()) as u64)
}

pub(super) fn open_epoch(
    db: &Connection,
    journal: i64,
    epoch: u64,
    keys: &EpochPublic,
    first: u64,
) -> Result<()> {
    db.prepare_cached("INSERT INTO epochs (journal, epoch, read_hash, append_key, write_key, admin_key, first_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
        .and_then(|mut insert| {
            insert.execute(params![
                journal, int(epoch), keys.read_token_hash.0, keys.append_key.0, keys.write_key.0, keys.admin_key.0, int(first)
            ])
        })
        .map_err(failed)?;
    Ok(())
}

/// Rows are numbered at random: in the order of their coming they would tell which journals grew together.
pub(super) fn insert_entry(
    db: &Connection,
    journal: i64,
    placed: &Placed,
    verified: &VerifiedEntry,
) -> Result<()> {
    let (header, entry) = (verified.header(), verified.entry());
    db.prepare_cached(
        "INSERT INTO entries (rowid, journal, seq, entry, head, header, signature, body, gone)
         VALUES (random() & 9223372036854775807, ?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
    )
    .and_then(|mut insert| {
        insert.execute(params![
            journal,
            int(placed.seq),
            header.entry.0,
            placed.head.0,
            entry.header,
            entry.signature.0,
            entry.body
        ])
    })
    .map_err(failed)?;
    let Place::Blobs(ids) = &header.body.place else {
        return Ok(());
    };
    let mut insert = db
        .prepare_cached("INSERT OR IGNORE INTO bodies (journal, blob, seq) VALUES (?1, ?2, ?3)")
        .map_err(failed)?;
    for id in ids {
        insert
            .execute(params![journal, id.0, int(placed.seq)])
            .map_err(failed)?;
    }
    Ok(())
}

pub(super) fn view(db: &Connection, id: &JournalId) -> Result<Option<JournalView>> {
    db.prepare_cached(
        "SELECT j.epoch, j.closed, j.last_seq, j.last_head, max(0, a.quota - a.used),
         EXISTS (SELECT 1 FROM healing) FROM journals j
         JOIN accounts a ON a.id = j.creator WHERE j.journal = ?1",
    )
    .and_then(|mut select| {
        select
            .query_row([id.0], |row| {
                Ok(JournalView {
                    epoch: uint(row, 0)?,
                    closed: row.get(1)?,
                    last: Placed {
                        seq: uint(row, 2)?,
                        head: hash(row, 3)?,
                    },
                    left: uint(row, 4)?,
                    healing: row.get(5)?,
                })
            })
            .optional()
    })
    .map_err(failed)
}

pub(super) fn epoch(db: &Connection, id: &JournalId, epoch: u64) -> Result<Option<EpochPublic>> {
    db.prepare_cached(
        "SELECT e.read_hash, e.append_key, e.write_key, e.admin_key FROM journals j JOIN epochs e ON e.journal = j.id
         WHERE j.journal = ?1 AND e.epoch = ?2",
    )
    .and_then(|mut select| {
        select
            .query_row(params![id.0, int(epoch)], |row| {
                Ok(EpochPublic {
                    read_token_hash: hash(row, 0)?,
                    append_key: VerifyingKey(bytes(row, 1)?),
                    write_key: VerifyingKey(bytes(row, 2)?),
                    admin_key: VerifyingKey(bytes(row, 3)?),
                })
            })
            .optional()
    })
    .map_err(failed)
}

pub(super) fn reader(db: &Connection, id: &JournalId, token: &Hash) -> Result<Option<Reader>> {
    db.prepare_cached(
        "SELECT e.epoch, e.epoch = j.epoch, e.first_seq, coalesce(e.last_seq, j.last_seq), n.head
         FROM journals j JOIN epochs e ON e.journal = j.id
         JOIN entries n ON n.journal = j.id AND n.seq = coalesce(e.last_seq, j.last_seq)
         WHERE j.journal = ?1 AND e.read_hash = ?2 ORDER BY e.epoch DESC LIMIT 1",
    )
    .and_then(|mut select| {
        select
            .query_row(params![id.0, token.0], |row| {
                let live: bool = row.get(1)?;
                Ok(Reader {
                    epoch: uint(row, 0)?,
                    live,
                    from: if live { 0 } else { uint(row, 2)? },
                    last: Placed {
                        seq: uint(row, 3)?,
                        head: hash(row, 4)?,
                    },
                })
            })
            .optional()
    })
    .map_err(failed)
}

pub(super) fn entries(db: &Connection, id: &JournalId, from: u64, to: u64, limit: usize) -> Result<Vec<Row>> {
    let mut select = db
        .prepare_cached(
            "SELECT n.seq, n.head, n.header, n.signature, n.body, n.gone FROM journals j JOIN entries n ON n.journal = j.id
             WHERE j.journal = ?1 AND n.seq BETWEEN ?2 AND ?3 ORDER BY n.seq LIMIT ?4",
        )
        .map_err(failed)?;
    let mut rows = select
        .query(params![id.0, int(from), int(to), int(limit as u64)])
        .map_err(failed)?;
    let (mut found, mut size) = (Vec::new(), 0);
    while let Some(row) = rows.next().map_err(failed)? {
        let row = stored(row).map_err(failed)?;
        size += row.entry.header.len() + row.entry.body.len() + 128;
        if size > limits::PAGE_MAX && !found.is_empty() {
            break;
        }
        found.push(row);
    }
    Ok(found)
}

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        placed: Placed {
            seq: uint(row, 0)?,
            head: hash(row, 1)?,
        },
        entry: Entry {
            header: row.get(2)?,
            signature: Signature(bytes(row, 3)?),
            body: row.get(4)?,
        },
        body_gone: row.get(5)?,
    })
}

pub(super) fn ids(db: &Connection, after: Option<JournalId>) -> Result<Vec<JournalId>> {
    let after = after.map_or_else(Vec::new, |id| id.0.to_vec());
    let mut select = db
        .prepare_cached("SELECT journal FROM journals WHERE journal > ?1 ORDER BY journal LIMIT 1000")
        .map_err(failed)?;
    let rows = select
        .query_map([after], |row| bytes(row, 0).map(JournalId))
        .map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}
