//! What can be set, and what is fixed.

use std::path::PathBuf;
use std::time::Duration;

use crate::note::SignedNote;

/// What a log can be told when it is opened.
pub struct Options {
    /// At this many bytes of segments the log is [`Low`](Fullness::Low). Default 4 GiB.
    pub max_size: u64,
    /// What then happens. Default [`WhenFull::Refuse`].
    pub when_full: WhenFull,
    /// A folder, best on another machine, that gets each checkpoint as `SIZE.checkpoint`. Never waited for.
    pub checkpoint_dir: Option<PathBuf>,
    /// Is told each checkpoint, on a thread of its own. Never waited for: where it is slow, checkpoints in between are passed over.
    pub on_checkpoint: Option<Box<dyn CheckpointListener>>,
    pub(crate) limits: Limits,
}

/// Is told checkpoints; functions of a note are such.
pub trait CheckpointListener: Send {
    /// A checkpoint was signed and is in the log's own file.
    fn signed(&mut self, note: &SignedNote);
}

impl<F: FnMut(&SignedNote) + Send> CheckpointListener for F {
    fn signed(&mut self, note: &SignedNote) {
        self(note);
    }
}

/// What happens to a log that has no room left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// Records are refused.
    #[default]
    Refuse,
    /// The oldest segment that a checkpoint covers is removed; none whose records are not all there, so that damage is not dropped unseen.
    DropOldest,
}

/// How much room is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fullness {
    /// Enough.
    Room,
    /// The size that was set is reached, or less than 64 MiB are free: only what must go on should go on.
    Low,
    /// Another MiB is used, or less than one is free: nothing is written.
    Full,
}

/// The numbers of the page `keyd.md`, section *Audit*. Tests have smaller ones.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// A segment ends soon after the record that reaches this length, in bytes.
    pub(crate) segment_size: u64,
    /// Or after the record that is this much younger than the first, in microseconds.
    pub(crate) segment_age: u64,
    /// Less free space than this is little, in bytes.
    pub(crate) reserve: u64,
    /// What is kept for the end, in bytes.
    pub(crate) last: u64,
    /// Records that may wait for a sync.
    pub(crate) queue: u64,
    /// A sync begins this long after the first record that waits for it, or at once when somebody waits.
    pub(crate) group: Duration,
    /// The anchor is renewed this long after the last one.
    pub(crate) anchor_age: Duration,
    /// A checkpoint is made after so many records.
    pub(crate) checkpoint_records: u64,
    /// Or after this time, if any were written.
    pub(crate) checkpoint_age: Duration,
    /// What lasts longer than this in the kernel is a stall.
    pub(crate) stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_size: 64 << 20,
            segment_age: 86_400_000_000,
            reserve: 64 << 20,
            last: 1 << 20,
            queue: 65_536,
            group: Duration::from_millis(10),
            anchor_age: Duration::from_secs(1),
            checkpoint_records: 10_000,
            checkpoint_age: Duration::from_mins(10),
            stall: Duration::from_secs(2),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_size: 4 << 30,
            when_full: WhenFull::default(),
            checkpoint_dir: None,
            on_checkpoint: None,
            limits: Limits::default(),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("max_size", &self.max_size)
            .field("when_full", &self.when_full)
            .field("checkpoint_dir", &self.checkpoint_dir)
            .finish_non_exhaustive()
    }
}
