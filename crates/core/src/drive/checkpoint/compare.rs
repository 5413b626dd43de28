//! Every member compares what a checkpoint says with what it folded itself.

use std::collections::BTreeSet;

use crannog_proto::encode;

use super::super::{DriveState, Frame, NodeId, Record};
use super::segment::record;
use super::{LoadError, SegmentRecords};
use crate::check::Check;

/// How a segment compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Records that equal the own ones, byte for byte.
    pub equal: u64,
    /// Records of nodes that later entries changed again, so that the own state no longer has the old ones.
    pub changed_since: u64,
    /// Whether all this says what was true at the checkpoint's `through`. Else it does at the place where the own state stands: later
    /// checkpoints may rest on it, this one may not.
    pub exact: bool,
}

/// Compares a segment with the own state, which stands at the checkpoint's `through` or later, and has forgotten what the manifest has (CHK-030).
///
/// A record is excused if its node changed after `segment.to` in the own state. Where that was up to `through`, a newer segment has the node,
/// and nobody who loads the checkpoint uses the excused record. Where it was later, nothing shows what the node was at `through`, nor that
/// no record of it was left out: then the comparison is not [`exact`](Compared::exact).
///
/// To be done once, when the segment first appears: a segment that is cited again keeps saying what was true then.
pub fn compare<S: DriveState>(
    state: &S,
    frame: Frame,
    segment: &SegmentRecords,
) -> Result<Compared, LoadError<S::Error>> {
    let mut own: BTreeSet<NodeId> = state
        .changed(segment.after, segment.to)
        .map_err(LoadError::State)?
        .into_iter()
        .collect();
    let mut compared = Compared {
        equal: 0,
        changed_since: 0,
        exact: !state.hides(frame.through).map_err(LoadError::State)?,
    };
    for theirs in segment.records() {
        // CHK-030: whoever starts from the checkpoint refuses it, so nobody may find it true.
        if matches!(theirs, Record::Gone { changed, .. } if *changed <= frame.forgotten) {
            return Err(Check::Segment.into());
        }
        let ours = record(state, theirs.node()).map_err(LoadError::State)?;
        match ours {
            Some(ours) if own.remove(&theirs.node()) => {
                // CHK-030; bytes, since keys count as well.
                if encode(&ours) != encode(theirs) {
                    return Err(Check::Segment.into());
                }
                compared.equal += 1;
            }
            Some(ours) if ours.changed() > segment.to => {
                compared.changed_since += 1;
                compared.exact &= ours.changed() <= frame.through;
            }
            _ => return Err(Check::Segment.into()),
        }
    }
    // CHK-030: something was left out.
    if own.is_empty() {
        Ok(compared)
    } else {
        Err(Check::Segment.into())
    }
}
