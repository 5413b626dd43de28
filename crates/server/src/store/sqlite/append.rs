//! Appending: decide by the rules, then write. All checks of an entry precede its first change.

use std::collections::HashSet;

use crannog_proto::chain::next_head;
use crannog_proto::entry::VerifiedEntry;
use crannog_proto::{BlobId, ErrorCode, Hash, Header, JournalId, Kind, Place, SeqRange, Signer, decode};
use rusqlite::{Connection, OptionalExtension, params};

use super::journals::{insert_entry, open_epoch, weight};
use super::{Result, blobs, damaged, failed, files, hash, healing, int, uint};
use crate::clock::Hour;
use crate::store::rules::{Facts, check};
use crate::store::{Batch, BatchDone, BlobFile, FileName, Outcome, Placed, StoreError};

/// A journal under change.
struct Journal {
    row: i64,
    creator: i64,
    epoch: u64,
    last: Placed,
    checkpoint: Option<u64>,
    closed: bool,
}

/// Where a blob that an entry names comes from.
enum Source {
    Staged(i64),
    Held { file: i64, dropped: bool },
    Elsewhere(i64),
}

pub(super) fn append(db: &Connection, batch: &Batch) -> Result<BatchDone> {
    let healing = healing::admit(db, batch.gives_back)?;
    let mut journal = load(db, &batch.journal)?.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
    let mut done = BatchDone::default();
    let mut unknown_keys = false;
    for entry in &batch.entries {
        let outcome = if unknown_keys {
            Outcome::Refused(ErrorCode::StaleEpoch)
        } else {
            one(db, batch, &mut journal, entry, healing, &mut done.freed)?
        };
        // A repeated rekey that is not byte for byte the one that stands: what follows was verified with keys that it names, and no epoch has.
        unknown_keys = matches!(entry.header().kind, Kind::Rekey { .. })
            && matches!(outcome, Outcome::Done { fresh: false, .. })
            && !stands(db, journal.row, entry)?;
        let stop = !matches!(outcome, Outcome::Done { .. });
        done.outcomes.push(outcome);
        if stop {
            break;
        }
    }
    if done
        .outcomes
        .iter()
        .any(|outcome| matches!(outcome, Outcome::Done { fresh: true, .. }))
    {
        save(db, &journal)?;
    }
    Ok(done)
}

fn one(
    db: &Connection,
    batch: &Batch,
    journal: &mut Journal,
    verified: &VerifiedEntry,
    healing: bool,
    freed: &mut Vec<FileName>,
) -> Result<Outcome> {
    let header = verified.header();
    if let Some(placed) = first_answer(db, journal.row, header)? {
        return Ok(Outcome::Done { placed, fresh: false });
    }
    let facts = Facts {
        epoch: journal.epoch,
        last_seq: journal.last.seq,
        closed: journal.closed,
        checkpoint: journal.checkpoint,
        seen_head: head_at(db, journal, header.seen.seq)?,
    };
    if let Err(code) = check(header, &facts) {
        return Ok(Outcome::Refused(code));
    }
    if !keeps_admin_key(db, journal, header)? {
        return Ok(Outcome::Refused(ErrorCode::BadRequest));
    }
    if takes_a_held_blob_for_its_body(db, journal.row, header)? {
        return Ok(Outcome::Refused(ErrorCode::BadRequest));
    }
    let ids: HashSet<&BlobId> = header.held_blobs().collect();
    let (mut sources, mut missing, mut unsynced) = (Vec::with_capacity(ids.len()), Vec::new(), Vec::new());
    for id in ids {
        match find(db, batch, journal, id, &mut unsynced)? {
            Some(source) => sources.push((*id, source)),
            // Content that nobody can bring any more holds up no entry; bodies can be sent again by whoever has read them.
            None if healing && !header.body.pieces().contains(id) => {}
            None => missing.push(*id),
        }
    }
    if !missing.is_empty() {
        missing.sort_unstable();
        return Ok(Outcome::Missing(missing));
    }
    if !unsynced.is_empty() {
        return Ok(Outcome::Unsynced(unsynced));
    }
    let seq = journal.last.seq + 1;
    let placed = Placed {
        seq,
        head: next_head(&journal.last.head, seq, &verified.entry().header),
    };
    let only_adds = header.kind == Kind::Append;
    if (only_adds || !header.adds.is_empty())
        && !fits(db, journal.creator, weight(verified.entry()), &sources)?
    {
        return Ok(Outcome::Refused(ErrorCode::Quota));
    }
    let frees = !header.drops.is_empty() || !matches!(header.kind, Kind::Change | Kind::Checkpoint { .. });
    if !frees && header.body.len > DELETING_MAX && is_far_over(db, journal.creator)? {
        return Ok(Outcome::Refused(ErrorCode::Quota));
    }
    for (id, source) in sources {
        hold(db, journal.row, &id, source, seq, freed)?;
    }
    for id in &header.drops {
        // A body goes by Prune or Close: whoever names one as a file's must not have it dropped with the file.
        if !is_body(db, journal.row, id)? {
            drop_blob(db, journal.row, id, header.seen.seq, batch.now)?;
        }
    }
    insert_entry(db, journal.row, &placed, verified)?;
    files::charge(db, journal.creator, weight(verified.entry()))?;
    apply(db, journal, header, seq, batch.now, freed)?;
    journal.last = placed;
    Ok(Outcome::Done { placed, fresh: true })
}

/// Entries without content are possible over the quota, for deleting takes some. Far beyond it they are only as long as 8,192 operations
/// that delete something.
const SLACK: i64 = 64 * 1024 * 1024;
const DELETING_MAX: u32 = 512 * 1024;

fn is_far_over(db: &Connection, creator: i64) -> Result<bool> {
    db.prepare_cached("SELECT used > quota + ?2 FROM accounts WHERE id = ?1")
        .and_then(|mut select| select.query_row([creator, SLACK], |row| row.get(0)))
        .map_err(failed)
}

/// What the entry's kind does beside standing there.
fn apply(
    db: &Connection,
    journal: &mut Journal,
    header: &Header,
    seq: u64,
    now: Hour,
    freed: &mut Vec<FileName>,
) -> Result<()> {
    match &header.kind {
        Kind::Rekey { next, .. } => {
            db.prepare_cached("UPDATE epochs SET last_seq = ?3 WHERE journal = ?1 AND epoch = ?2")
                .and_then(|mut update| update.execute([journal.row, int(journal.epoch), int(seq)]))
                .map_err(failed)?;
            journal.epoch += 1;
            open_epoch(db, journal.row, journal.epoch, next, seq + 1)
        }
        Kind::Checkpoint { through } => {
            journal.checkpoint = journal.checkpoint.max(Some(*through));
            Ok(())
        }
        Kind::Prune { ranges } => ranges.iter().try_for_each(|range| {
            prune(db, journal, range, now, |kind| {
                !matches!(kind, Kind::Genesis(_) | Kind::Rekey { .. })
            })
        }),
        Kind::Close => {
            journal.closed = true;
            prune(db, journal, &SeqRange { from: 0, to: seq - 1 }, now, |_| true)?;
            close(db, journal, now, freed)
        }
        Kind::Genesis(_) | Kind::Change | Kind::Append | Kind::Reset { .. } => Ok(()),
    }
}

fn load(db: &Connection, id: &JournalId) -> Result<Option<Journal>> {
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

fn save(db: &Connection, journal: &Journal) -> Result<()> {
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
fn stands(db: &Connection, journal: i64, entry: &VerifiedEntry) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM entries WHERE journal = ?1 AND entry = ?2 AND header = ?3")
        .and_then(|mut select| select.exists(params![journal, entry.header().entry.0, entry.entry().header]))
        .map_err(failed)
}

/// Rule 6: a refresh names the admin key that is.
fn keeps_admin_key(db: &Connection, journal: &Journal, header: &Header) -> Result<bool> {
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

/// Rule 7: what an append's body lies in is its own. A prune of it would otherwise drop what a file of somebody else lies in.
fn takes_a_held_blob_for_its_body(db: &Connection, journal: i64, header: &Header) -> Result<bool> {
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

fn first_answer(db: &Connection, journal: i64, header: &Header) -> Result<Option<Placed>> {
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

fn head_at(db: &Connection, journal: &Journal, seq: u64) -> Result<Option<Hash>> {
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

/// Staged comes before held, so that a blob whose file was damaged can be put once more.
fn find(
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
fn fits(db: &Connection, creator: i64, weight: i64, sources: &[(BlobId, Source)]) -> Result<bool> {
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

fn hold(
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
fn drop_blob(db: &Connection, journal: i64, id: &BlobId, seen: u64, now: Hour) -> Result<()> {
    let file: Option<i64> = db
        .prepare_cached(
            "UPDATE blobs SET dropped = ?4 WHERE journal = ?1 AND blob = ?2 AND added <= ?3 AND dropped IS NULL RETURNING file",
        )
        .and_then(|mut update| update.query_row(params![journal, id.0, int(seen), now.0], |row| row.get(0)).optional())
        .map_err(failed)?;
    file.map_or(Ok(()), |file| files::drop_live(db, file))
}

fn is_body(db: &Connection, journal: i64, id: &BlobId) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM bodies WHERE journal = ?1 AND blob = ?2")
        .and_then(|mut select| select.exists(params![journal, id.0]))
        .map_err(failed)
}

fn prune(
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

fn close(db: &Connection, journal: &Journal, now: Hour, freed: &mut Vec<FileName>) -> Result<()> {
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

/// The first column of all rows.
pub(super) fn column(db: &Connection, sql: &str, values: &[i64]) -> Result<Vec<i64>> {
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let rows = statement
        .query_map(rusqlite::params_from_iter(values), |row| row.get(0))
        .map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}
