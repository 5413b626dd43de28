//! When a checkpoint is due, or packs are, and the task that sees to both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crannog_core::drive::Manifest;
use crannog_core::journal::{JournalKind, Role};
use crannog_proto::{DeviceId, JournalId};
use tokio::sync::Notify;

use super::super::Journal;
use crate::background::stays_behind;
use crate::db::{Checkpoints, DriveStore};
use crate::error::Result;
use crate::shared::Shared;

/// Entries after the last checkpoint, at least.
const ENTRIES: u64 = 1_024;
/// So far above that of the last one lies the `through` of a checkpoint that counts: comparing one costs each reader his whole fold.
const APART: u64 = 64;
/// Nodes that changed after the last checkpoint, at least.
const NODES: u64 = crannog_core::drive::SEGMENT_RECORDS;

/// Why a journal has to be looked at.
#[derive(Debug, Default)]
struct Reasons {
    /// This device wrote to it.
    wrote: bool,
    /// It dropped blobs there.
    dropped: bool,
}

/// Journals that nobody has looked at since something happened there.
#[derive(Debug, Default)]
pub(crate) struct Due {
    journals: Mutex<BTreeMap<JournalId, Reasons>>,
    rung: Notify,
}

impl Due {
    /// There may be a checkpoint for which this device could vouch.
    pub(crate) fn look(&self, journal: &JournalId) {
        self.add(journal, |_| {});
    }

    /// An entry of this device was acknowledged.
    pub(crate) fn wrote(&self, journal: &JournalId) {
        self.add(journal, |reasons| reasons.wrote = true);
    }

    /// Contents went: some packs may be mostly dead now.
    pub(crate) fn dropped(&self, journal: &JournalId) {
        self.add(journal, |reasons| (reasons.wrote, reasons.dropped) = (true, true));
    }

    fn add(&self, journal: &JournalId, reason: impl FnOnce(&mut Reasons)) {
        reason(self.lock().entry(*journal).or_default());
        self.rung.notify_one();
    }

    async fn next(&self) -> (JournalId, Reasons) {
        loop {
            let first = self.lock().pop_first();
            match first {
                Some(due) => return due,
                None => self.rung.notified().await,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<JournalId, Reasons>> {
        self.journals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Vouches for checkpoints, writes them, and packs anew until the engine closes. What fails is done after a later entry.
pub(crate) async fn keep(shared: &Arc<Shared>) {
    loop {
        let (id, reasons) = shared.due.next().await;
        let Some(journal) = shared.journal(&id) else {
            continue;
        };
        let repacked = async {
            match reasons.dropped && shared.writes(&journal) {
                true => shared.repack(&journal).await,
                false => Ok(()),
            }
        };
        let vouched = shared.vouch_for_newest(&journal);
        let written = async {
            match reasons.wrote && shared.is_checkpoint_due(&journal).await? {
                true => shared.write_checkpoint(&journal).await,
                false => Ok(()),
            }
        };
        for done in [repacked.await, vouched.await, written.await] {
            if let Err(error) = done.or_else(|error| stays_behind(&shared.name_of(&id), error)) {
                tracing::info!(error = %crannog_agent_api::Failure::from(error), "a drive was not tidied up");
            }
        }
    }
}

impl Shared {
    /// Whether this device may change what is in a drive.
    fn writes(&self, journal: &Journal) -> bool {
        let state = journal.state();
        state.kind() == JournalKind::Drive
            && !state.is_closed()
            && !state.is_removed()
            && state.role() >= Some(Role::Writer)
    }

    async fn is_checkpoint_due(&self, journal: &Journal) -> Result<bool> {
        let last = journal.state().last().copied();
        let Some(last) = last.filter(|_| self.writes(journal)) else {
            return Ok(false);
        };
        let (row, device) = (journal.row, self.identity.device);
        let due = self.db.read(move |c| {
            let checkpoint = Checkpoints(c).last(row)?;
            let counts = checkpoint
                .as_ref()
                .is_none_or(|known| last.seq >= next_through(known));
            let through = checkpoint.map_or(0, |known| known.through);
            let drive = DriveStore::new(c, row);
            let many = last.seq.saturating_sub(through) >= later(ENTRIES, &device, through);
            Ok(counts && (many || drive.has_changed(through, later(NODES, &device, through))?))
        });
        Ok(due.await?)
    }
}

/// The least `through` of a checkpoint that counts after this one.
pub(in crate::journal) fn next_through(last: &Manifest) -> u64 {
    last.through.saturating_add(APART)
}

/// Up to twice as much: of many devices that write, one is the first, another one each time.
fn later(least: u64, device: &DeviceId, through: u64) -> u64 {
    let place = usize::try_from(through % 16).unwrap_or_default();
    let turn = device.0.get(place).copied().unwrap_or_default();
    least + least * u64::from(turn) / 256
}
