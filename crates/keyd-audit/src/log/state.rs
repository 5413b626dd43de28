//! What the callers, the keeper and the watch share.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::error::LogError;
use super::options::{Fullness, Limits, WhenFull};
use super::wait::{Waiters, wake};
use crate::anchor::AnchorStore;
use crate::folder::{File, Folder};
use crate::note::{NoteSigner, SignedNote, VerifierKey};
use crate::record::Time;
use crate::tree::{Frontier, Hash};

/// A log that is open.
pub(super) struct Shared {
    pub(super) folder: Arc<dyn Folder>,
    pub(super) key: VerifierKey,
    pub(super) signer: Box<dyn NoteSigner>,
    pub(super) anchors: Box<dyn AnchorStore>,
    pub(super) max_size: u64,
    pub(super) when_full: WhenFull,
    pub(super) limits: Limits,
    state: Mutex<State>,
    /// The right to write is free.
    pub(super) writer: Condvar,
    /// There is something for the keeper.
    pub(super) keeper: Condvar,
    /// There is something to watch.
    pub(super) watch: Condvar,
    /// A checkpoint was served, the keeper ended, or nothing is to be had.
    pub(super) callers: Condvar,
}

pub(super) struct State {
    /// Every record that was handed to the kernel.
    pub(super) tree: Frontier,
    pub(super) segment: Segment,
    /// Length of each segment that is ended, by its number.
    pub(super) closed: BTreeMap<u64, u64>,
    /// Their sum.
    pub(super) closed_len: u64,
    /// Where some records begin, by number: segment and byte.
    pub(super) places: BTreeMap<u64, (u64, u64)>,
    /// The tree of what was dropped.
    pub(super) dropped: Frontier,
    pub(super) synced: u64,
    pub(super) anchored: u64,
    pub(super) counter: u64,
    pub(super) last: LastCheckpoint,
    /// Records since then, but for the log's own.
    pub(super) since_checkpoint: u64,
    /// Bytes free on the file system, when it was last asked.
    pub(super) free: u64,
    /// Somebody has the right to write, since then.
    pub(super) writing: Option<Instant>,
    /// Something of a record that was not written whole lies behind the last one.
    pub(super) torn: bool,
    /// The keeper is in its round, since then.
    pub(super) keeping: Option<Instant>,
    /// The first record that waits for a sync, since then.
    pub(super) unsynced: Option<Instant>,
    pub(super) watched: bool,
    pub(super) stalled: bool,
    pub(super) failed: bool,
    /// The keeper's round; the last in which the anchor could not be saved, and why.
    pub(super) round: u64,
    pub(super) anchor_failed: Option<(u64, io::ErrorKind)>,
    pub(super) want_sync: bool,
    pub(super) want_anchor: bool,
    /// Calls for a checkpoint, and up to which they were answered.
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) answer: Result<SignedNote, LogError>,
    pub(super) rotate: bool,
    pub(super) dropping: Dropping,
    pub(super) waiters: Waiters,
    pub(super) anchor_at: Instant,
    pub(super) checkpoint_at: Instant,
    /// What could not be done is not tried again before this moment.
    pub(super) retry_at: Instant,
    pub(super) stop: bool,
    pub(super) ended: bool,
}

/// The segment that is written to.
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) file: Arc<dyn File>,
    pub(super) len: u64,
    /// Bytes that are reserved for it.
    pub(super) reserved: u64,
    /// When its first record was written, by the record.
    pub(super) begun: Option<Time>,
}

/// The last checkpoint. `note` is `None` before the first.
#[derive(Clone)]
pub(super) struct LastCheckpoint {
    pub(super) size: u64,
    pub(super) root: Hash,
    pub(super) note: Option<SignedNote>,
    /// Length of the file of checkpoints.
    pub(super) file_len: u64,
}

/// How far the removal of the oldest segment has come.
#[derive(Default)]
pub(super) enum Dropping {
    /// Nothing is removed.
    #[default]
    No,
    /// Its tree is being computed.
    Folding,
    /// What the tree up to the next segment is.
    Folded(Frontier),
    /// It cannot be read: what is there stays.
    Unreadable,
}

impl Shared {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a log, given once, by name"
    )]
    pub(super) fn new(
        folder: Arc<dyn Folder>,
        key: VerifierKey,
        signer: Box<dyn NoteSigner>,
        anchors: Box<dyn AnchorStore>,
        max_size: u64,
        when_full: WhenFull,
        limits: Limits,
        state: State,
    ) -> Self {
        Self {
            folder,
            key,
            signer,
            anchors,
            max_size,
            when_full,
            limits,
            state: Mutex::new(state),
            writer: Condvar::new(),
            keeper: Condvar::new(),
            watch: Condvar::new(),
            callers: Condvar::new(),
        }
    }

    /// The state is whole between any two statements: nobody panics while holding it.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who waits, for whatever, to look again.
    pub(super) fn wake_all(&self, mut state: MutexGuard<'_, State>) {
        let waiters = state.waiters.take();
        drop(state);
        wake(waiters);
        self.callers.notify_all();
        self.writer.notify_all();
    }

    /// A sync failed: nothing is taken any more.
    pub(super) fn fail(&self) {
        let mut state = self.lock();
        state.failed = true;
        self.wake_all(state);
    }
}

impl State {
    /// Bytes of all segments.
    pub(super) fn used(&self) -> u64 {
        self.closed_len.saturating_add(self.segment.len)
    }

    /// Bytes that the disk can take, with those that are reserved already.
    fn room(&self) -> u64 {
        let ahead = self.segment.reserved.saturating_sub(self.segment.len);
        self.free.saturating_add(ahead)
    }

    /// Why nothing can be written whatever it is.
    pub(super) fn refusal(&self) -> Result<(), LogError> {
        match (self.failed, self.stalled) {
            (true, _) => Err(LogError::Failed),
            (_, true) => Err(LogError::Stalled),
            _ => Ok(()),
        }
    }
}

impl Shared {
    /// The log has reached its size, or little is left of the disk, by what was last known of it.
    pub(super) fn is_low(&self, state: &State) -> bool {
        state.used() >= self.max_size || state.room() < self.limits.reserve
    }

    /// Judges the room that is left.
    pub(super) fn fullness(&self, state: &State) -> Fullness {
        let (used, room) = (state.used(), state.room());
        let slack = match self.when_full {
            WhenFull::Refuse => self.limits.last,
            // Time to remove the oldest segment in.
            WhenFull::DropOldest => self.limits.segment_size,
        };
        let low = used >= self.max_size && self.when_full == WhenFull::Refuse;
        if used >= self.max_size.saturating_add(slack) || room < self.limits.last {
            Fullness::Full
        } else if low || room < self.limits.reserve {
            Fullness::Low
        } else {
            Fullness::Room
        }
    }
}
