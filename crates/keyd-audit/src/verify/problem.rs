//! What can be wrong with a log.

use std::io;

use crate::note::CheckpointError;
use crate::record::LineError;

/// One thing that is wrong; every one is a failure of KEY-011. Numbers are those of records, from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The line where this record should be is none.
    #[error("record {n}: {error}")]
    Line {
        /// Which.
        n: u64,
        /// Why.
        error: LineError,
    },
    /// Records are missing between two that are there.
    #[error("records {from} to {to} are missing, the next is {}", to.saturating_add(1))]
    Missing {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// A record stands behind one with a higher number: moved, or there twice.
    #[error("record {n} stands where record {expected} should")]
    Moved {
        /// Its number.
        n: u64,
        /// The number that belongs there.
        expected: u64,
    },
    /// A segment's name is not the number of its first record.
    #[error("the segment of record {n} is named {segment}")]
    Segment {
        /// The record.
        n: u64,
        /// The name's number.
        segment: u64,
    },
    /// The log begins later than with what the anchor says was dropped, or there is no anchor that could say so.
    #[error("the log begins with record {n}, not with {expected}")]
    Beginning {
        /// The first record that is there.
        n: u64,
        /// The one that should be.
        expected: u64,
    },
    /// The records end before one that an anchor or a checkpoint counts.
    #[error("the log ends before record {n}; {size} records are vouched for")]
    Tail {
        /// The first that is missing.
        n: u64,
        /// How many there should be.
        size: u64,
    },
    /// Some record of these was changed: the root after them is another than at the checkpoint or anchor that has `to` records.
    #[error("records {from} to {} are not those that were signed", to.saturating_sub(1))]
    Root {
        /// The first that may be.
        from: u64,
        /// One more than the last.
        to: u64,
    },
    /// A note is no checkpoint of this log.
    #[error("checkpoint {index}: {error}")]
    Checkpoint {
        /// Which, counted from 0 in the file, or in those from elsewhere.
        index: usize,
        /// It lay elsewhere.
        elsewhere: bool,
        /// Why.
        error: CheckpointError,
    },
    /// A note of the log's own file is not newer than the one before it.
    #[error("checkpoint {index} has {size} records and follows one with {before}")]
    Order {
        /// Which, counted from 0.
        index: usize,
        /// Its size.
        size: u64,
        /// The size of the one before.
        before: u64,
    },
    /// The checkpoint that the anchor names is not the file's, or not among its last.
    #[error("the checkpoint with {size} records that the anchor names is not in the file")]
    CheckpointMissing {
        /// Its size.
        size: u64,
    },
    /// Of what vouches for this size some has the log's root, and some another: that one was signed for another history.
    #[error("what vouches for {size} records contradicts itself")]
    CheckpointOther {
        /// The size.
        size: u64,
    },
    /// The anchor contradicts itself.
    #[error("the anchor contradicts itself")]
    Anchor,
    /// Reading failed.
    #[error("cannot read on after record {n}: {kind}")]
    Unreadable {
        /// The record that would have come.
        n: u64,
        /// Why.
        kind: io::ErrorKind,
    },
}

impl Problem {
    /// A word for programs, which stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Line { .. } => "line",
            Self::Missing { .. } => "missing",
            Self::Moved { .. } => "moved",
            Self::Segment { .. } => "segment",
            Self::Beginning { .. } => "beginning",
            Self::Tail { .. } => "tail",
            Self::Root { .. } => "root",
            Self::Checkpoint { .. } => "checkpoint",
            Self::Order { .. } => "checkpoint-order",
            Self::CheckpointMissing { .. } => "checkpoint-missing",
            Self::CheckpointOther { .. } => "checkpoint-other",
            Self::Anchor => "anchor",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// The record that it is about, where it is about one.
    pub fn record(&self) -> Option<u64> {
        match self {
            Self::Line { n, .. }
            | Self::Moved { n, .. }
            | Self::Segment { n, .. }
            | Self::Beginning { n, .. }
            | Self::Tail { n, .. }
            | Self::Unreadable { n, .. } => Some(*n),
            _ => None,
        }
    }

    /// The first and the last record that it is about, where it is about several.
    pub fn range(&self) -> Option<(u64, u64)> {
        match self {
            Self::Missing { from, to } => Some((*from, *to)),
            Self::Root { from, to } => Some((*from, to.saturating_sub(1))),
            _ => None,
        }
    }
}
