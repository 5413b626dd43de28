//! Which drive appears where in another, by local numbers.

use std::collections::HashMap;
use std::sync::Arc;

use crannog_core::drive::NodeId;

/// Drives from the one in which a path begins to the one in which it is, by local numbers; never empty, and none comes twice.
pub(crate) type Way = Arc<[i64]>;

/// Mount points: a node of a drive, and the drive whose top appears there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mounts {
    drives: HashMap<(i64, NodeId), i64>,
    closed: Vec<i64>,
}

impl Mounts {
    /// `drive` appears at a node of `on`. Top folders are no mount points: nothing would be left to hold them; of two drives at one node
    /// the first stays.
    pub(crate) fn add(&mut self, on: i64, node: NodeId, drive: i64) {
        if node != NodeId::ROOT && node != NodeId::RECOVERED {
            self.drives.entry((on, node)).or_insert(drive);
        }
    }

    /// An alarm stopped this drive: nothing of it is shown.
    pub(crate) fn close(&mut self, drive: i64) {
        self.closed.push(drive);
    }

    /// Whether an alarm stopped it.
    pub(crate) fn is_closed(&self, drive: i64) -> bool {
        self.closed.contains(&drive)
    }

    /// Whether a drive appears at a node.
    pub(crate) fn is_mount(&self, drive: i64, node: NodeId) -> bool {
        self.at(drive, node).is_some()
    }

    /// The drive that appears at a node.
    pub(super) fn at(&self, drive: i64, node: NodeId) -> Option<i64> {
        self.drives.get(&(drive, node)).copied()
    }

    /// The mount points in a drive, as far as they still exist.
    pub(super) fn on(&self, drive: i64) -> impl Iterator<Item = NodeId> {
        let own = self.drives.keys().filter(move |(on, _)| *on == drive);
        own.map(|(_, node)| *node)
    }
}
