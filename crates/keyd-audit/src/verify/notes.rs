//! The checkpoints that a log is held against, and what is wrong with them before a line is read.

use std::collections::BTreeMap;

use super::{Evidence, Problem, Report};
use crate::note::Checkpoint;
use crate::tree::Hash;

/// What is vouched for, by size.
pub(super) type Roots = BTreeMap<u64, Known>;

/// What is known of one size.
#[derive(Default)]
pub(super) struct Known {
    /// Different roots are all kept: all but one of them are lies.
    pub(super) roots: Vec<Hash>,
    /// How many checkpoints there are.
    pub(super) checkpoints: u64,
}

/// All sizes at which the root is known, with what could be said about the notes alone.
pub(super) fn roots(evidence: &Evidence<'_>, report: &mut Report) -> Roots {
    let mut roots = Roots::new();
    let mut add = |size, root, checkpoints| {
        let known: &mut Known = roots.entry(size).or_default();
        known.checkpoints += checkpoints;
        if !known.roots.contains(&root) {
            known.roots.push(root);
        }
    };
    let mut before: Option<u64> = None;
    let mut anchored = evidence.anchor.is_none_or(|anchor| anchor.checkpoint == 0);
    for (index, note) in evidence.notes.iter().enumerate() {
        let checkpoint = match Checkpoint::of_note(note, evidence.vkey) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                let elsewhere = false;
                report.add(Problem::Checkpoint {
                    index,
                    elsewhere,
                    error,
                });
                continue;
            }
        };
        let size = checkpoint.size;
        if let Some(before) = before.filter(|before| *before >= size) {
            report.add(Problem::Order { index, size, before });
        }
        before = before.max(Some(size));
        if let Some(anchor) = evidence.anchor {
            anchored |= (size, checkpoint.root) == (anchor.checkpoint, anchor.checkpoint_root);
        }
        add(size, checkpoint.root, 1);
    }
    for (index, note) in evidence.elsewhere.iter().enumerate() {
        match Checkpoint::of_note(note, evidence.vkey) {
            Ok(checkpoint) => {
                report.tail_judged = true;
                add(checkpoint.size, checkpoint.root, 1);
            }
            Err(error) => {
                let elsewhere = true;
                report.add(Problem::Checkpoint {
                    index,
                    elsewhere,
                    error,
                });
            }
        }
    }
    if let Some(anchor) = evidence.anchor {
        if !anchored {
            let size = anchor.checkpoint;
            report.add(Problem::CheckpointMissing { size });
        }
        if anchor.checkpoint > 0 {
            add(anchor.checkpoint, anchor.checkpoint_root, 0);
        }
        add(anchor.size, anchor.root, 0);
    }
    roots
}
