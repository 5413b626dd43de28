//! Whether a log is what its checkpoints and its anchor say (KEY-011). Reads each line once and keeps none.

mod notes;
mod problem;
#[cfg(test)]
mod tests;
mod walk;

use std::io;

use crate::anchor::Anchor;
use crate::note::{SignedNote, VerifierKey};
use crate::record::Line;
use crate::tree::Hash;

pub use problem::Problem;

use self::walk::Walk;

/// More problems than this are counted only.
pub(crate) const MAX_PROBLEMS: usize = 100;

/// What a log is held against.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The log's key, from a place that the log cannot change.
    pub vkey: &'a VerifierKey,
    /// Its anchor, if it can be opened.
    pub anchor: Option<&'a Anchor>,
    /// Its own file of checkpoints, in the order of the file.
    pub notes: &'a [SignedNote],
    /// Checkpoints that lay elsewhere, in any order.
    pub elsewhere: &'a [SignedNote],
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many records the log has by what was read, those that were dropped among them.
    pub size: u64,
    /// The root over them; worth nothing if there are problems.
    pub root: Hash,
    /// Checkpoints that fit.
    pub checkpoints: u64,
    /// The anchor was there and the log was compared with it.
    pub anchor: bool,
    /// An anchor or a checkpoint from elsewhere said how long the log must be: without one nobody can tell whether its end was cut.
    pub tail_judged: bool,
    /// The last line is not ended: a record that was being written, or what a crash left. It is in no tree.
    pub unfinished: bool,
    /// What is wrong, in the order in which it was seen; at most a hundred.
    pub problems: Vec<Problem>,
    /// Problems beyond those.
    pub more_problems: u64,
}

impl Report {
    /// Nothing is wrong. Whether nothing is missing at the end is [`tail_judged`](Self::tail_judged).
    pub fn ok(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.more_problems += 1;
        }
    }
}

/// Holds the lines of a log against the evidence: KEY-011.
///
/// Found are: a line that was edited, inserted, removed or moved; an end that was cut below the anchor or a checkpoint; a checkpoint
/// that is another log's, older, not in order, missing, or not of this tree. What was edited without harm to its form is narrowed to
/// the records between two checkpoints. Memory is bounded by one line, the notes, and a hundred problems.
pub fn verify(lines: impl Iterator<Item = io::Result<Line>>, evidence: &Evidence<'_>) -> Report {
    let mut walk = Walk::begin(evidence);
    for line in lines {
        let read = line.map(|line| walk.line(&line));
        if let Err(error) = read {
            walk.unreadable(error.kind());
            break;
        }
    }
    walk.end()
}
