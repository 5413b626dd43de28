//! Appending: decide by the rules, then write. All checks of an entry precede its first change.

mod held;
mod journal;
mod prune;

use std::collections::HashSet;

use crannog_proto::chain::next_head;
use crannog_proto::entry::VerifiedEntry;
use crannog_proto::{BlobId, ErrorCode, Header, Kind, SeqRange};
use rusqlite::Connection;

use super::journals::{insert_entry, open_epoch, weight};
use super::{Result, failed, files, healing, int};
use crate::clock::Hour;
use crate::store::rules::{Facts, check};
use crate::store::{Batch, BatchDone, FileName, Outcome, Placed, StoreError};
use held::{drop_blob, find, fits, hold, is_body, takes_a_held_blob_for_its_body};
use journal::{Journal, first_answer, head_at, keeps_admin_key, load, save, stands};
use prune::{close, prune};

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
