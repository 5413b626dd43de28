//! Writing a checkpoint: from one snapshot of the own fold to an entry that names its segments.

use std::sync::Arc;

use crannog_core::drive::{
    DriveState, Manifest, Piece, SEGMENT_RECORDS, Segment, encode_segment, plan_checkpoint, records,
};
use crannog_core::identity::{HomeOp, Vouch};
use crannog_core::journal::{Content, JournalState};
use crannog_proto::{BlobId, Kind, limits};
use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::super::{Draft, Journal};
use super::sealer::{Plain, Sealer};
use crate::db::{Checkpoints, DbError, DriveStore, Journals, Segments, blobs_of_checkpoint};
use crate::error::{Error, Result};
use crate::shared::Shared;

/// Blobs that one entry drops.
const DROPS: usize = limits::IDS_MAX / 2;

/// What the snapshot gives, in this order: once, then each piece.
enum Step {
    Begins {
        state: JournalState,
        outdated: Vec<BlobId>,
    },
    Kept(Segment),
    Written(Plain),
}

impl Shared {
    /// Writes a checkpoint of a drive as this device has read it; nothing if nothing came since the last one.
    pub(crate) async fn write_checkpoint(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        // One segment is sealed while the next one is made.
        let (steps, mut next) = mpsc::channel(1);
        let (shared, row, id) = (Arc::clone(self), journal.row, journal.id);
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
        let Some(Step::Begins { state, outdated }) = next.recv().await else {
            return Ok(snapshot.await.map_err(Error::task)??);
        };
        let mut sealer = Sealer::new(self, journal);
        let mut kept = Vec::new();
        while let Some(step) = next.recv().await {
            match step {
                Step::Begins { .. } => {}
                Step::Kept(segment) => kept.push(segment),
                Step::Written(plain) if !plain.fits() => {
                    tracing::warn!(journal = %journal.id, "a segment is too long for a checkpoint");
                    return Ok(());
                }
                Step::Written(plain) => sealer.add(plain).await?,
            }
        }
        snapshot.await.map_err(Error::task)??;
        let written = sealer.finish().await?;
        self.append_checkpoint(journal, state, outdated, kept, written)
            .await
    }

    async fn append_checkpoint(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        state: JournalState,
        outdated: Vec<BlobId>,
        kept: Vec<Segment>,
        written: Vec<Segment>,
    ) -> Result<()> {
        let through = state.last().map_or(0, |last| last.seq);
        let (row, own) = (journal.row, written.clone());
        // Made from the own fold: there is nothing to compare.
        self.db
            .write(move |tx| {
                own.iter()
                    .try_for_each(|segment| Segments(tx).compared(row, segment, true))
            })
            .await?;
        let mut segments = [kept, written].concat();
        segments.sort_unstable_by_key(|segment| segment.after);
        let manifest = Manifest { through, segments };
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

    /// Says in home that this checkpoint is true; false if home says so of a later one.
    pub(in crate::journal) async fn vouch(self: &Arc<Self>, journal: &Journal, vouch: Vouch) -> Result<bool> {
        let known = self
            .home()
            .vouch(&journal.id)
            .is_some_and(|known| known.at.seq >= vouch.at.seq);
        if known {
            return Ok(false);
        }
        let op = HomeOp::Vouch {
            journal: journal.id,
            seq: vouch.at.seq,
            head: vouch.at.head,
            through: vouch.through,
        };
        Box::pin(self.append_home(vec![op])).await?;
        Ok(true)
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
    let (at, old) = checkpoints.newest(row)?.unzip();
    // Nothing is cited again that was not compared.
    let old = match old {
        Some(old) if Segments(c).all_compared(row, &old)? => Some(old),
        _ => None,
    };
    let Some(pieces) = plan_checkpoint(old.as_ref(), through, SEGMENT_RECORDS, &drive)? else {
        return Ok(());
    };
    // Not before another one can be started from.
    let outdated = match vouched {
        Some(vouched) if at == Some(vouched) => checkpoints.outdated(row, DROPS)?,
        _ => Vec::new(),
    };
    let heard = steps.blocking_send(Step::Begins { state, outdated }).is_ok();
    for piece in pieces {
        // One is sealed, and one made or waiting: no third.
        let room = Handle::current().block_on(steps.reserve());
        let (true, Ok(room)) = (heard, room) else {
            break;
        };
        let step = match piece {
            Piece::Kept(segment) => Step::Kept(segment),
            Piece::Write { after, to } => Step::Written(plain(&drive, after, to)?),
        };
        room.send(step);
    }
    Ok(())
}

fn plain<S: DriveState>(drive: &S, after: u64, to: u64) -> Result<Plain, S::Error> {
    let records = records(drive, after, to)?;
    Ok(Plain {
        after,
        to,
        records: records.len() as u64,
        bytes: encode_segment(&records),
    })
}
