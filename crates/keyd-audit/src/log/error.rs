//! Why the log refuses.

use std::io;

use crate::tree::Hash;

/// Why something was not written, or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk, or the size that was set for the log, is used up. Nothing was written; the log takes records again when there is room.
    #[error("there is no room left for the audit log")]
    Full,
    /// The disk does not answer. What was written may still become durable; the log takes records again when it answers.
    #[error("the audit log's disk does not answer")]
    Stalled,
    /// Too many records wait for a sync.
    #[error("too many audit records wait for the disk")]
    Busy,
    /// A sync failed: nobody knows what of the last records is on disk. The log takes nothing more until it is opened anew.
    #[error("the audit log's disk failed")]
    Failed,
    /// The caller's mistake: the record's line would be longer than [`MAX_LINE`](crate::MAX_LINE).
    #[error("the audit record is too long")]
    TooLong,
    /// The caller's mistake: the origin is no name of a key.
    #[error("not an origin of a log")]
    Origin,
    /// The anchor could not be saved; its record is in the log all the same.
    #[error("the audit log's anchor cannot be saved: {0}")]
    Anchor(io::ErrorKind),
    /// The log is not what it was (KEY-011). It is not opened.
    #[error("KEY-011: {0}")]
    Damaged(Damage),
    /// The operating system refused something else.
    #[error("cannot {doing}: {kind}")]
    Io {
        /// What.
        doing: &'static str,
        /// Why.
        kind: io::ErrorKind,
    },
}

/// What is missing from a log, or in it and not its own (KEY-011).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// There are segments or checkpoints, and no anchor.
    #[error("the log has no anchor")]
    NoAnchor,
    /// The anchor's numbers contradict each other.
    #[error("the anchor contradicts itself")]
    Anchor,
    /// The oldest segment is not the one with which the log begins.
    #[error("the log begins with record {0}, and it is not there")]
    Beginning(u64),
    /// Records before the anchor are missing at the end.
    #[error("the log is shorter than the {0} records of its anchor")]
    Tail(u64),
    /// A line that was on disk before the segment after it was begun is no record of this number.
    #[error("record {0} is damaged")]
    Record(u64),
    /// The checkpoint of this size, which the anchor names, is not in the file.
    #[error("the checkpoint at {0} records is missing")]
    CheckpointMissing(u64),
    /// A checkpoint vouches for more records than there are.
    #[error("a checkpoint has {checkpoint} records, the log {records}")]
    CheckpointBeyond {
        /// Those of the checkpoint.
        checkpoint: u64,
        /// Those of the log.
        records: u64,
    },
    /// A checkpoint has another root than the log at its size.
    #[error("the checkpoint at {0} records is not this log's")]
    CheckpointOther(u64),
}

impl LogError {
    pub(crate) fn io(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |error| {
            if is_full(&error) {
                Self::Full
            } else {
                let kind = error.kind();
                Self::Io { doing, kind }
            }
        }
    }
}

/// No room, in any of the ways to say so.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// What was found when the log was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// How many records there were, before any that opening itself wrote.
    pub size: u64,
    /// The root at that size.
    pub root: Hash,
    /// How many of them are after the anchor: written in the moments before the last end.
    pub after_anchor: u64,
    /// What a crash had left at the end and was cut off.
    pub repaired: Option<Repaired>,
}

/// What a crash left: bytes after the last record that is whole. The event `log-repaired` says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaired {
    /// Bytes cut off the last segment.
    pub records: u64,
    /// Bytes cut off the file of checkpoints.
    pub checkpoints: u64,
}
