//! When a checkpoint is due, and the task that writes it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

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
/// Nodes that changed after the last checkpoint, at least.
const NODES: u64 = crannog_core::drive::SEGMENT_RECORDS;

/// Journals that this device wrote to, and that nobody has looked at since.
#[derive(Debug, Default)]
pub(crate) struct Due {
    written: Mutex<BTreeSet<JournalId>>,
    rung: Notify,
}

impl Due {
    /// An entry of this device was acknowledged.
    pub(crate) fn wrote(&self, journal: &JournalId) {
        self.lock().insert(*journal);
        self.rung.notify_one();
    }

    async fn next(&self) -> JournalId {
        loop {
            let first = self.lock().pop_first();
            match first {
                Some(journal) => return journal,
                None => self.rung.notified().await,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<JournalId>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes checkpoints until the engine closes. One that fails is written after a later entry.
pub(crate) async fn keep(shared: &Arc<Shared>) {
    loop {
        let id = shared.due.next().await;
        let Some(journal) = shared.journal(&id) else {
            continue;
        };
        let written = async {
            if shared.is_checkpoint_due(&journal).await? {
                shared.write_checkpoint(&journal).await?;
            }
            Ok(())
        };
        if let Err(error) = written.await
            && let Err(error) = stays_behind(&shared.name_of(&id), error)
        {
            tracing::info!(error = %crannog_agent_api::Failure::from(error), "a checkpoint was not written");
        }
    }
}

impl Shared {
    async fn is_checkpoint_due(&self, journal: &Journal) -> Result<bool> {
        let state = journal.state();
        let writes = state.role() >= Some(Role::Writer);
        let Some(last) = state.last().copied() else {
            return Ok(false);
        };
        if state.kind() != JournalKind::Drive || state.is_closed() || state.is_removed() || !writes {
            return Ok(false);
        }
        let (row, device) = (journal.row, self.identity.device);
        let due = self.db.read(move |c| {
            let checkpoint = Checkpoints(c).last(row)?;
            let through = checkpoint.map_or(0, |last| last.through);
            let drive = DriveStore::new(c, row);
            Ok(
                last.seq.saturating_sub(through) >= later(ENTRIES, &device, through)
                    || drive.has_changed(through, later(NODES, &device, through))?,
            )
        });
        Ok(due.await?)
    }
}

/// Up to twice as much: of many devices that write, one is the first, another one each time.
fn later(least: u64, device: &DeviceId, through: u64) -> u64 {
    let place = usize::try_from(through % 16).unwrap_or_default();
    let turn = device.0.get(place).copied().unwrap_or_default();
    least + least * u64::from(turn) / 256
}
