//! A log that is written to.
//!
//! ```text
//!  append ──▶ kernel ──(keeper: one fdatasync for all)──▶ disk ──▶ checkpoint ──▶ anchor
//!                                  │                                  └──▶ other places, never waited for
//!                                 watch: says when the disk does not answer
//! ```

mod accept;
mod append;
mod checkpoints;
mod error;
mod keeper;
mod open;
mod options;
mod publish;
mod read;
mod rotate;
mod state;
#[cfg(test)]
mod tests;
mod wait;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

pub use accept::Accepted;
pub use error::{Damage, LogError, Opened, Repaired};
pub(crate) use options::Limits;
pub use options::{CheckpointListener, Fullness, Options, WhenFull};

use self::open::{Found, Place};
use self::publish::Publisher;
use self::state::{Dropping, Shared, State};
use self::wait::{For, Wait, Waiters};
use crate::anchor::AnchorStore;
use crate::folder::{Directory, Folder};
use crate::note::{NoteSigner, SignedNote, VerifierKey};
use crate::record::{Detail, Event, Record};

/// The place of every so many records is remembered, so that reading need not begin at the segment's beginning.
const PLACES: u64 = 1024;

/// An audit log. One at a time may be open in a folder; seeing to that is the caller's.
///
/// Dropping it makes durable what was written and renews the anchor, waiting at most two seconds for a disk that does not answer.
/// Ask for a [`checkpoint`](Self::checkpoint) before.
pub struct Log {
    shared: Arc<Shared>,
}

/// A record's place: the record and all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written {
    size: u64,
}

impl Written {
    /// The record's number.
    pub fn number(self) -> u64 {
        self.size - 1
    }
}

impl Log {
    /// Opens the log in a folder that exists, or begins one there.
    ///
    /// `origin` is the log's name, and its key's. What a crash left behind the anchor is cut off, and an event `log-repaired` says so;
    /// whatever else is not as it was is [`LogError::Damaged`] (KEY-011).
    pub fn open(
        dir: &Path,
        origin: &str,
        signer: Box<dyn NoteSigner>,
        anchors: Box<dyn AnchorStore>,
        options: Options,
    ) -> Result<(Self, Opened), LogError> {
        let folder = Directory::open(dir).map_err(LogError::io("open the audit log's folder"))?;
        Self::open_in(Arc::new(folder), origin, signer, anchors, options)
    }

    pub(crate) fn open_in(
        folder: Arc<dyn Folder>,
        origin: &str,
        signer: Box<dyn NoteSigner>,
        anchors: Box<dyn AnchorStore>,
        mut options: Options,
    ) -> Result<(Self, Opened), LogError> {
        let key = VerifierKey::new(origin, signer.public()).map_err(|_| LogError::Origin)?;
        let place = Place {
            folder: &*folder,
            key: &key,
            limits: &options.limits,
        };
        let found = place.find(&*anchors)?;
        let free = folder.free().map_err(LogError::io("ask for the free space"))?;
        let opened = found.opened;
        let publisher = Publisher::start(&mut options).map_err(LogError::io("start a thread"))?;
        let shared = Arc::new(Shared::new(
            folder,
            key,
            signer,
            anchors,
            options.max_size,
            options.when_full,
            options.limits,
            State::of(found, free),
        ));
        start(&shared, publisher).map_err(LogError::io("start a thread"))?;
        let log = Self { shared };
        if let Some(repaired) = opened.repaired {
            let detail = Detail::default()
                .number("records", repaired.records)
                .number("checkpoints", repaired.checkpoints);
            log.shared.note_event(Event::LogRepaired, detail);
        }
        Ok((log, opened))
    }

    /// Makes a log that [`open`](Self::open) refuses as damaged one that opens: what is not whole is renamed to `….damaged-N`, and a new
    /// segment goes on after the last size that is known, with the event `log-damage-accepted` that names both sizes and roots. For the
    /// operator's word alone; what was lost stays lost, and [`verify`](crate::verify()) goes on to name it. An anchor that contradicts
    /// itself cannot be gone on from.
    pub fn accept_damage(
        dir: &Path,
        key: &VerifierKey,
        anchors: &dyn AnchorStore,
    ) -> Result<Accepted, LogError> {
        let folder = Directory::open(dir).map_err(LogError::io("open the audit log's folder"))?;
        Self::accept_damage_in(&(Arc::new(folder) as Arc<dyn Folder>), key, anchors)
    }

    fn accept_damage_in(
        folder: &Arc<dyn Folder>,
        key: &VerifierKey,
        anchors: &dyn AnchorStore,
    ) -> Result<Accepted, LogError> {
        let place = Place {
            folder: &**folder,
            key,
            limits: &Limits::default(),
        };
        place.accept(anchors)
    }

    /// The key under which this log's checkpoints verify.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.shared.key
    }

    /// Writes a record. The kernel has it when this returns, and the disk within about ten milliseconds; a caller that must know waits
    /// for [`synced`](Self::synced) or [`anchored`](Self::anchored). Does one write, and waits for others at most two seconds.
    pub fn append(&self, record: &Record<'_>) -> Result<Written, LogError> {
        self.shared.append(record)
    }

    /// Waits until the record and all before it are on disk. All who wait share a sync. A disk that does not answer for two seconds is
    /// [`LogError::Stalled`].
    pub fn synced(&self, upto: Written) -> impl Future<Output = Result<(), LogError>> + Send {
        Wait::new(&self.shared, For::Synced(upto.size))
    }

    /// Waits until they are on disk and an anchor counts them that was saved after the record was written.
    pub fn anchored(&self, upto: Written) -> impl Future<Output = Result<(), LogError>> + Send {
        Wait::new(&self.shared, For::Anchored(upto.size))
    }

    /// Waits until there are more than `size` records on disk; for following. Has no end of its own when nothing is written.
    pub fn grown(&self, size: u64) -> impl Future<Output = Result<(), LogError>> + Send {
        Wait::new(&self.shared, For::Growth(size))
    }

    /// Signs a checkpoint of this moment. Blocks for a sync or two, so not on a thread that serves; at most two seconds on a disk that
    /// does not answer.
    pub fn checkpoint(&self) -> Result<SignedNote, LogError> {
        let mut state = self.shared.lock();
        state.asked += 1;
        let mine = state.asked;
        self.shared.keeper.notify_one();
        loop {
            state.refusal()?;
            if state.answered >= mine {
                return state.answer.clone();
            }
            let waited = self.shared.callers.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How many records there are, those that were dropped among them.
    pub fn size(&self) -> u64 {
        self.shared.lock().tree.size()
    }

    /// The lines of records `from` and following, without line feeds: at most `count`, and about four MiB. Empty when there are none
    /// yet, or when they were dropped.
    pub fn read(&self, from: u64, count: usize) -> Result<Vec<String>, LogError> {
        self.shared.read(from, count)
    }

    /// How many records at the beginning were dropped: the first number that can be [read](Self::read).
    pub fn dropped(&self) -> u64 {
        self.shared.lock().dropped.size()
    }

    /// How much room is left.
    pub fn fullness(&self) -> Fullness {
        let state = self.shared.lock();
        self.shared.fullness(&state)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("key", &self.shared.key)
            .finish_non_exhaustive()
    }
}

impl State {
    fn of(found: Found, free: u64) -> Self {
        let now = Instant::now();
        let size = found.tree.size();
        Self {
            closed_len: found.closed.values().sum(),
            closed: found.closed,
            segment: found.segment,
            places: found.places,
            dropped: found.dropped,
            synced: size,
            anchored: found.anchored,
            counter: found.counter,
            since_checkpoint: size - found.last.size,
            last: found.last,
            tree: found.tree,
            free,
            writing: None,
            torn: false,
            keeping: None,
            unsynced: None,
            watched: false,
            stalled: false,
            failed: false,
            round: 0,
            anchor_failed: None,
            want_sync: false,
            want_anchor: false,
            asked: 0,
            answered: 0,
            // Nobody has asked yet.
            answer: Err(LogError::Stalled),
            rotate: false,
            dropping: Dropping::No,
            waiters: Waiters::default(),
            anchor_at: now,
            checkpoint_at: now,
            retry_at: now,
            stop: false,
            ended: false,
        }
    }
}

/// The two threads of a log. Each ends with it.
fn start(shared: &Arc<Shared>, mut publisher: Publisher) -> std::io::Result<()> {
    let watching = Arc::clone(shared);
    let watch = std::thread::Builder::new().name("audit-watch".into());
    watch.spawn(move || watching.keep_watch())?;
    let keeping = Arc::clone(shared);
    let keeper = std::thread::Builder::new().name("audit-keeper".into());
    let kept = keeper.spawn(move || keeping.keep(&mut publisher));
    if kept.is_err() {
        let mut state = shared.lock();
        state.ended = true;
        shared.watch.notify_one();
    }
    kept.map(|_| ())
}

/// Remembers a record's place if it is one of those that are.
fn remember(places: &mut BTreeMap<u64, (u64, u64)>, record: u64, place: (u64, u64)) {
    if record.is_multiple_of(PLACES) {
        places.insert(record, place);
    }
}
