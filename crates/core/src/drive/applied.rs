//! What an operation comes with, and what became of it.

use crannog_proto::{AccountId, DeviceId};

use super::NodeId;
use crate::content::Content;

/// What the fold has to know of the entry around an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryMeta<'a> {
    /// Its place, assigned by the server; never 0.
    pub seq: u64,
    /// The operation's place in the entry, from 0.
    pub index: u32,
    /// The place up to which its author had read.
    pub seen_seq: u64,
    /// The author's clock, milliseconds since 1970: shown, and the date in conflict names. Decides nothing.
    pub time: i64,
    /// Who wrote it.
    pub account: AccountId,
    /// On which device.
    pub device: DeviceId,
    /// The name that she gave the device.
    pub device_name: &'a str,
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// In short.
    pub outcome: Outcome,
    /// Contents that no version has any more, from PurgeVersion, Purge or Repack. A blob may be dropped when no other content names it.
    pub removed: Vec<Content>,
    /// Nodes that a Purge spared, since they were changed after its author's last look.
    pub spared: Vec<Landing>,
}

/// What became of an operation, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it, as asked.
    Done,
    /// Under another name, since there is another node of that name or another version.
    Conflict(Landing),
    /// In `/Recovered`, since its place was no more.
    Recovered(Landing),
    /// Nothing happened, and nobody's state changed.
    Ignored(Ignored),
}

/// Where a node came to lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// Which node.
    pub node: NodeId,
    /// Under which name.
    pub name: String,
}

/// Why an operation had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ignored {
    /// The id of its node or version is another's.
    IdTaken,
    /// The name is no name (CHK-023).
    Name,
    /// A content whose chunks do not fit its size, or an impossible link target (CHK-003, CHK-024).
    Content,
    /// The node is not there, or is in the trash.
    NotLive,
    /// The node is not in the trash itself.
    NotTrashed,
    /// The target is no folder, or in the trash.
    NoFolder,
    /// The target is the node itself, or below it.
    Cycle,
    /// The root and `/Recovered` stay as they are.
    Fixed,
    /// There is no such version, or it is the current one (PurgeVersion), or another account's (Repack).
    Version,
}

impl Applied {
    pub(super) fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            removed: Vec::new(),
            spared: Vec::new(),
        }
    }

    pub(super) fn ignored(reason: Ignored) -> Self {
        Self::new(Outcome::Ignored(reason))
    }
}
