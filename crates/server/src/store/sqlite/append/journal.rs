//! The journal under change: its row, and what stands in it already.

use crannog_proto::entry::VerifiedEntry;
use crannog_proto::{Hash, Header, JournalId, Kind, Signer};
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::Placed;
use crate::store::sqlite::{Result, failed, hash, int, uint};

/// A journal under change.
pub(super) struct Journal {
    pub(super) row: i64,
    pub(super) creator: i64,
    pub(super) epoch: u64,
    pub(super) last: Placed,
    pub(super) checkpoint: Option<u64>,
    pub(super) closed: bool,
}

pub(super) fn load(db: &Connection, id: &JournalId) -> Result<Option<Journal>> {
    db.prepare_cached(
        "SELECT id, creator, epoch, last_seq, last_head, checkpoint, closed FROM journals WHERE journal = ?1",
    )
    .and_then(|mut select| {
        select
            .query_row([id.0], |row| {
                Ok(Journal {
                    row: row.get(0)?,
                    creator: row.get(1)?,
                    epoch: uint(row, 2)?,
                    last: Placed {
                        seq: uint(row, 3)?,
                        head: hash(row, 4)?,
                    },
                    checkpoint: row
                        .get::<_, Option<i64>>(5)?
                        .and_then(|through| u64::try_from(through).ok()),
                    closed: row.get(6)?,
                })
            })
            .optional()
    })
    .map_err(failed)
}

pub(super) fn save(db: &Connection, journal: &Journal) -> Result<()> {
    db.prepare_cached(
        "UPDATE journals SET epoch = ?2, last_seq = ?3, last_head = ?4, checkpoint = ?5, closed = ?6 WHERE id = ?1",
    )
    .and_then(|mut update| {
        update.execute(params![
            journal.row, int(journal.epoch), int(journal.last.seq), journal.last.head.0,
            journal.checkpoint.map(int), journal.closed
        ])
    })
    .map_err(failed)?;
    Ok(())
}

/// Whether this very header stands under its entry id.
pub(super) fn stands(db: &Connection, journal: i64, entry: &VerifiedEntry) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM entries WHERE journal = ?1 AND entry = ?2 AND header = ?3")
        .and_then(|mut select| select.exists(params![journal, entry.header().entry.0, entry.entry().header]))
        .map_err(failed)
}

pub(super) fn first_answer(db: &Connection, journal: i64, header: &Header) -> Result<Option<Placed>> {
    db.prepare_cached("SELECT seq, head FROM entries WHERE journal = ?1 AND entry = ?2")
        .and_then(|mut select| {
            select
                .query_row(params![journal, header.entry.0], |row| {
                    Ok(Placed {
                        seq: uint(row, 0)?,
                        head: hash(row, 1)?,
                    })
                })
                .optional()
        })
        .map_err(failed)
}

pub(super) fn head_at(db: &Connection, journal: &Journal, seq: u64) -> Result<Option<Hash>> {
    if seq == journal.last.seq {
        return Ok(Some(journal.last.head));
    }
    db.prepare_cached("SELECT head FROM entries WHERE journal = ?1 AND seq = ?2")
        .and_then(|mut select| {
            select
                .query_row([journal.row, int(seq)], |row| hash(row, 0))
                .optional()
        })
        .map_err(failed)
}

/// Rule 6: a refresh names the admin key that is.
pub(super) fn keeps_admin_key(db: &Connection, journal: &Journal, header: &Header) -> Result<bool> {
    let Kind::Rekey {
        signer: Signer::Writer,
        next,
    } = &header.kind
    else {
        return Ok(true);
    };
    db.prepare_cached("SELECT 1 FROM epochs WHERE journal = ?1 AND epoch = ?2 AND admin_key = ?3")
        .and_then(|mut select| select.exists(params![journal.row, int(journal.epoch), next.admin_key.0]))
        .map_err(failed)
}
