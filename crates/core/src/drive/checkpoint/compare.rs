//! Every member compares what a checkpoint says with what it folded itself.

use std::collections::BTreeSet;

use crannog_proto::encode;

use super::super::{DriveState, NodeId};
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
}

/// Compares a segment with the own state, which stands at `segment.to` or later, and has forgotten what the manifest has (CHK-030).
///
/// Exact only where the state stands at `segment.to`: what later entries changed can no longer be compared, nor missed. Vouch for
/// a checkpoint only after an exact comparison.
///
/// To be done once, when the segment first appears: a segment that is cited again keeps saying what was true then.
pub fn compare<S: DriveState>(state: &S, segment: &SegmentRecords) -> Result<Compared, LoadError<S::Error>> {
    let mut own: BTreeSet<NodeId> = state
        .changed(segment.after, segment.to)
        .map_err(LoadError::State)?
        .into_iter()
        .collect();
    let mut compared = Compared {
        equal: 0,
        changed_since: 0,
    };
    for theirs in segment.records() {
        let ours = record(state, theirs.node()).map_err(LoadError::State)?;
        match ours {
            Some(ours) if own.remove(&theirs.node()) => {
                // CHK-030; bytes, since keys count as well.
                if encode(&ours) != encode(theirs) {
                    return Err(Check::Segment.into());
                }
                compared.equal += 1;
            }
            Some(ours) if ours.changed() > segment.to => compared.changed_since += 1,
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
