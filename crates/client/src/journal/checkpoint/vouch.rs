//! Saying in home that a checkpoint is true (`docs/spec/drive.md`, Vouching).

use std::sync::Arc;

use crannog_core::drive::Manifest;
use crannog_core::identity::{HomeOp, Vouch};
use crannog_core::journal::JournalKind;
use crannog_proto::{DeviceId, Seen};
use rusqlite::Connection;

use super::super::Journal;
use super::turn::entries_before;
use crate::db::{Checkpoints, DbError, Journals, Segments};
use crate::error::Result;
use crate::shared::Shared;

/// A checkpoint that is true, as far as this device has read.
struct Candidate {
    vouch: Vouch,
    manifest: Manifest,
    /// The device that wrote it, if that was noted.
    author: Option<DeviceId>,
    /// The last place that was read.
    read: u64,
}

impl Shared {
    /// Vouches for the newest checkpoint, if it is true, whole, and nobody else of this account does; then drops what it supersedes.
    pub(super) async fn vouch_for_newest(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let state = journal.state();
        if state.kind() != JournalKind::Drive || state.is_closed() || state.is_removed() {
            return Ok(());
        }
        let row = journal.row;
        let Some(found) = self.db.read(move |c| candidate(c, row)).await? else {
            return Ok(());
        };
        if self.has_vouched(journal, &found.vouch) || !self.is_its_turn(&found) {
            return Ok(());
        }
        self.refuse_frozen(journal).await?;
        if !self.hold(journal, found.vouch.at.seq, &found.manifest).await? {
            return Ok(());
        }
        // Another device may have said so meanwhile.
        self.catch_up(&self.home_journal()?).await?;
        if self.has_vouched(journal, &found.vouch) {
            return Ok(());
        }
        let Vouch { at, through } = found.vouch;
        let op = HomeOp::Vouch {
            journal: journal.id,
            seq: at.seq,
            head: at.head,
            through,
        };
        self.append_home(vec![op]).await?;
        self.prune(journal, found.vouch).await
    }

    /// Whether home says so of this one or of a later one.
    fn has_vouched(&self, journal: &Journal, vouch: &Vouch) -> bool {
        let home = self.home();
        let known = home.vouch(&journal.id);
        known.is_some_and(|known| known.through >= vouch.through)
    }

    fn is_its_turn(&self, found: &Candidate) -> bool {
        let account = self.account();
        let devices = account.known.state().devices.iter().map(|device| device.id);
        let (mine, through) = (&self.identity.device, found.vouch.through);
        let wait = entries_before(mine, found.author.as_ref(), devices, through);
        found.read.saturating_sub(found.vouch.at.seq) >= wait
    }
}

fn candidate(c: &Connection, row: i64) -> Result<Option<Candidate>, DbError> {
    let checkpoints = Checkpoints(c);
    let newest = checkpoints.newest(row)?.filter(|(_, newest)| newest.through > 0);
    let Some((seq, manifest)) = newest else {
        return Ok(None);
    };
    let waits = checkpoints.start(row)?.is_some();
    if waits || checkpoints.citable(row)?.is_none() || !Segments(c).are_true(row, &manifest)? {
        return Ok(None);
    }
    let head = Journals(c).head_at(row, seq)?;
    let head = head.ok_or(DbError::Damaged("the head of a checkpoint's entry"))?;
    Ok(Some(Candidate {
        vouch: Vouch {
            at: Seen { seq, head },
            through: manifest.through,
        },
        author: checkpoints.device(row)?,
        read: Journals(c).last(row)?,
        manifest,
    }))
}
