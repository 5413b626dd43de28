//! Writing a checkpoint: from one snapshot of the own fold to an entry that names its segments.

use std::sync::Arc;

use crannog_core::drive::{
    DriveState, Manifest, Piece, SEGMENT_BYTES, SEGMENT_RECORDS, Segment, check_manifest, plan_checkpoint,
    segment_plaintext,
};
use crannog_core::journal::{Content, JournalState};
use crannog_proto::{BlobId, Kind, limits};
use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::super::{Draft, Journal};
use super::sealer::{Plain, Sealer};
use crate::db::{Checkpoints, Cited, DbError, DriveStore, Journals, Known, Segments, blobs_of_checkpoint};
use crate::error::{Error, Result};
use crate::shared::Shared;

/// Blobs that one entry drops.
const DROPS: usize = limits::IDS_MAX / 2;

/// What the snapshot gives, in this order: once, then each piece.
enum Step {
    Begins {
        state: JournalState,
        forgotten: u64,
        outdated: Vec<BlobId>,
    },
    Kept(Segment),
    Written(Plain),
    /// One entry changed more than a segment can say.
    TooLong,
}

impl Shared {
    /// Writes a checkpoint of a drive as this device has read it; nothing if nothing came since the last one.
    pub(crate) async fn write_checkpoint(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let row = journal.row;
        let old = self.db.read(move |c| citable(c, row)).await?;
        if let Some((at, old)) = old {
            self.hold(journal, at, &old).await?;
        }
        // One segment is sealed while the next one is made.
        let (steps, mut next) = mpsc::channel(1);
        let (shared, id) = (Arc::clone(self), journal.id);
        let vouched = self.home().vouch(&id).map(|vouch| vouch.at.seq);
        let snapshot = tokio::task::spawn_blocking(move || {
            shared.db.read_blocking(|c| {
                let found = Journals(c)
                    .find(&id)?
                    .ok_or(DbError::Damaged("a journal's row"))?;
                let state = JournalState::restore(&zeroize::Zeroizing::new(found.state))?;
                walk(c, row, state, vouched, &steps)
            })
        });
        let Some(Step::Begins {
            state,
            forgotten,
            outdated,
        }) = next.recv().await
        else {
            return Ok(snapshot.await.map_err(Error::task)??);
        };
        let mut sealer = Sealer::new(self, journal);
        let mut kept = Vec::new();
        while let Some(step) = next.recv().await {
            match step {
                Step::Begins { .. } => {}
                Step::Kept(segment) => kept.push(segment),
                Step::TooLong => {
                    tracing::warn!(journal = %journal.id, "a segment is too long for a checkpoint");
                    return Ok(());
                }
                Step::Written(plain) => sealer.add(plain).await?,
            }
        }
        snapshot.await.map_err(Error::task)??;
        let written = sealer.finish().await?;
        let through = state.last().map_or(0, |last| last.seq);
        let mut segments = [kept, written.clone()].concat();
        segments.sort_unstable_by_key(|segment| segment.after);
        let manifest = Manifest {
            through,
            forgotten,
            segments,
        };
        if let Err(check) = check_manifest(&manifest) {
            tracing::warn!(journal = %journal.id, %check, "a drive is too large for a checkpoint");
            return Ok(());
        }
        self.append_checkpoint(journal, state, outdated, manifest, written)
            .await
    }

    async fn append_checkpoint(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        state: JournalState,
        outdated: Vec<BlobId>,
        manifest: Manifest,
        written: Vec<Segment>,
    ) -> Result<()> {
        let (row, forgotten, through) = (journal.row, manifest.forgotten, manifest.through);
        // Made from the own fold: there is nothing to compare.
        self.db
            .write(move |tx| {
                let known = Known::written(through);
                written
                    .iter()
                    .try_for_each(|segment| Segments(tx).note(row, Cited { forgotten, segment }, known))
            })
            .await?;
        let adds = blobs_of_checkpoint(&manifest);
        let draft = Draft {
            kind: Kind::Checkpoint { through },
            drops: outdated.into_iter().filter(|blob| !adds.contains(blob)).collect(),
            adds: adds.into_iter().collect(),
            content: Content::Checkpoint(manifest),
            from: Vec::new(),
            extra: None,
            on: Some(Arc::new(state)),
        };
        let appended = self.append(journal, draft).await;
        if appended.as_ref().is_err_and(Error::is_missing_blobs) {
            self.db.write(move |tx| Checkpoints(tx).forget(row)).await?;
        }
        appended.map(drop)
    }
}

/// The newest one and its place, if it may be cited again once all of it is held.
fn citable(c: &Connection, row: i64) -> Result<Option<(u64, Manifest)>, DbError> {
    match Checkpoints(c).citable(row)? {
        Some(old) if Segments(c).all_compared(row, &old)? => Checkpoints(c).newest(row),
        _ => Ok(None),
    }
}

/// Plans, and makes each segment's bytes. Ends early where nobody listens any more.
fn walk(
    c: &Connection,
    row: i64,
    state: JournalState,
    vouched: Option<u64>,
    steps: &mpsc::Sender<Step>,
) -> Result<(), DbError> {
    let Some(through) = state.last().map(|last| last.seq) else {
        return Ok(());
    };
    let (drive, checkpoints) = (DriveStore::new(c, row), Checkpoints(c));
    if checkpoints.start(row)?.is_some() {
        return Ok(());
    }
    let at = checkpoints.newest(row)?.map(|(at, _)| at);
    // Nothing is cited again that was not compared and opened.
    let old = match checkpoints.citable(row)? {
        Some(old) if Segments(c).all_compared(row, &old)? && Segments(c).all_held(row, &old)? => Some(old),
        _ => None,
    };
    let (old, forgotten) = match old {
        Some(old) if !drive.is_to_forget()? => {
            let forgotten = old.forgotten;
            (Some(old), forgotten)
        }
        // All is written anew: nothing in it tells of a time before.
        _ => (None, through),
    };
    let drive = drive.without(forgotten);
    let Some(pieces) = plan_checkpoint(old.as_ref(), through, SEGMENT_RECORDS, &drive)? else {
        return Ok(());
    };
    // Not before another one can be started from.
    let outdated = match vouched {
        Some(vouched) if at == Some(vouched) => checkpoints.outdated(row, DROPS)?,
        _ => Vec::new(),
    };
    let begins = Step::Begins {
        state,
        forgotten,
        outdated,
    };
    let heard = steps.blocking_send(begins).is_ok();
    for piece in pieces {
        // One is sealed, and one made or waiting: no third.
        let room = Handle::current().block_on(steps.reserve());
        let (true, Ok(room)) = (heard, room) else {
            break;
        };
        let step = match piece {
            Piece::Kept(segment) => Step::Kept(segment),
            Piece::Write { after, to } => written(&drive, after, to)?,
        };
        room.send(step);
    }
    Ok(())
}

fn written<S: DriveState>(drive: &S, after: u64, to: u64) -> Result<Step, S::Error> {
    let plaintext = segment_plaintext(drive, after, to, SEGMENT_BYTES)?;
    Ok(plaintext.map_or(Step::TooLong, |(records, bytes)| {
        Step::Written(Plain {
            after,
            to,
            records,
            bytes,
        })
    }))
}
