//! Puts to one place take turns: planned side by side, both would make it.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crannog_core::drive::NodeId;
use crannog_proto::JournalId;
use tokio::sync::Notify;

/// A name in a folder; none for the folder's contents.
pub(crate) type Spot = (JournalId, NodeId, Option<String>);

/// Who puts where.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    taken: Mutex<HashSet<Spot>>,
    left: Notify,
}

/// The right to put to some places; dropping it lets the next one.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    spots: Vec<Spot>,
}

impl Turns {
    /// Waits until nobody puts to any of these places. True if it had to wait.
    pub(crate) async fn take(&self, spots: Vec<Spot>) -> (Turn<'_>, bool) {
        let mut waited = false;
        loop {
            let left = self.left.notified();
            if self.try_take(&spots) {
                return (Turn { turns: self, spots }, waited);
            }
            waited = true;
            left.await;
        }
    }

    fn try_take(&self, spots: &[Spot]) -> bool {
        let mut taken = self.taken();
        let free = spots.iter().all(|spot| !taken.contains(spot));
        if free {
            taken.extend(spots.iter().cloned());
        }
        free
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<Spot>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut taken = self.turns.taken();
        for spot in &self.spots {
            taken.remove(spot);
        }
        drop(taken);
        self.turns.left.notify_waiters();
    }
}
