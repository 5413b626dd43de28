//! What drive entries say (`docs/spec/drive.md`, Records). The bytes are Borsh in the order of the fields.

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::{AccountId, BlobId, DeviceId};

use super::id::{NodeId, VersionId};
use crate::content::Content;

/// Times and permissions of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Default)]
pub struct Attrs {
    /// Modification time, seconds since 1970.
    pub mtime_s: i64,
    /// And nanoseconds, below 1,000,000,000.
    pub mtime_ns: u32,
    /// The nine permission bits.
    pub mode: u16,
}

/// What a Create makes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum NewNode {
    /// A folder.
    Directory,
    /// A file with its first version.
    File {
        /// The version's id.
        version: VersionId,
        /// Its bytes.
        content: Content,
    },
    /// A symbolic link; never followed outward.
    Symlink {
        /// The target, as bytes.
        target: Vec<u8>,
    },
}

/// One operation of a drive entry.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum DriveOp {
    /// A new node.
    Create {
        /// Its id.
        node: NodeId,
        /// Under which folder.
        parent: NodeId,
        /// Its name.
        name: String,
        /// Times and mode.
        attrs: Attrs,
        /// What it is.
        new: NewNode,
    },
    /// A new version of a file.
    Write {
        /// The file.
        node: NodeId,
        /// The version that the author had before her.
        base: VersionId,
        /// The new version's id.
        version: VersionId,
        /// Times and mode.
        attrs: Attrs,
        /// The bytes.
        content: Content,
    },
    /// Another folder, or another name.
    Move {
        /// Which node.
        node: NodeId,
        /// To which folder.
        parent: NodeId,
        /// Under which name.
        name: String,
    },
    /// Into the trash, with all below it.
    Trash {
        /// Which node.
        node: NodeId,
    },
    /// Out of the trash.
    Restore {
        /// Which node.
        node: NodeId,
    },
    /// Out of the trash, for good, with all below it.
    Purge {
        /// Which node.
        node: NodeId,
    },
    /// An old version goes for good.
    PurgeVersion {
        /// Of which file.
        node: NodeId,
        /// Which version.
        version: VersionId,
    },
    /// Times and mode alone.
    SetAttrs {
        /// Of which node.
        node: NodeId,
        /// The new ones.
        attrs: Attrs,
    },
    /// The pieces of a version lie in other packs now.
    Repack {
        /// Of which file.
        node: NodeId,
        /// Which version.
        version: VersionId,
        /// The same pieces under the same keys, elsewhere.
        content: Content,
    },
}

/// The content of a drive's Change entry.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Default)]
pub struct DriveBatch {
    /// In order.
    pub ops: Vec<DriveOp>,
    /// Blobs of random bytes, for the total's sake.
    pub filler: Vec<BlobId>,
}

impl DriveBatch {
    /// Whether every operation makes something new: all that an append may say.
    pub fn only_adds(&self) -> bool {
        let adds = |op: &DriveOp| matches!(op, DriveOp::Create { .. });
        self.ops.iter().all(adds)
    }
}

/// One version of a file, as the fold keeps it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Version {
    /// Its id.
    pub version: VersionId,
    /// The entry that brought it.
    pub seq: u64,
    /// The author's clock, milliseconds since 1970; decides nothing.
    pub time: i64,
    /// Who wrote it.
    pub account: AccountId,
    /// On which device.
    pub device: DeviceId,
    /// Times and mode.
    pub attrs: Attrs,
    /// The bytes.
    pub content: Content,
}

/// A node's kind, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum RecordKind {
    /// A folder.
    Directory,
    /// A file; the last version is current.
    File(Vec<Version>),
    /// A symbolic link's target.
    Symlink(Vec<u8>),
}

/// A node, as the fold keeps it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Node {
    /// Its id.
    pub node: NodeId,
    /// Its folder.
    pub parent: NodeId,
    /// Its name.
    pub name: String,
    /// Times and mode.
    pub attrs: Attrs,
    /// What it is.
    pub kind: RecordKind,
    /// The entry that made it.
    pub created: u64,
    /// The entry that changed it last.
    pub changed: u64,
    /// The entry that put it into the trash.
    pub trashed: Option<u64>,
}

/// One record of a checkpoint segment.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Record {
    /// A node.
    Node(Node),
    /// A node that is gone.
    Gone {
        /// Which.
        node: NodeId,
        /// By which entry.
        changed: u64,
    },
}

/// A stretch of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Segment {
    /// After this place.
    pub after: u64,
    /// Up to this place.
    pub to: u64,
    /// How many records.
    pub records: u64,
    /// `H("segment", plaintext)`.
    pub hash: crannog_proto::Hash,
    /// Where the plaintext is.
    pub content: Content,
}

/// The body of a Checkpoint entry.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Manifest {
    /// The place that it describes.
    pub through: u64,
    /// Nodes that vanished up to this place are in none of its segments: all that tell of a time before it were written after it.
    pub forgotten: u64,
    /// Oldest first, without gap.
    pub segments: Vec<Segment>,
}

/// What a manifest says of all its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The place that the checkpoint describes.
    pub through: u64,
    /// What vanished up to this place is in none of them.
    pub forgotten: u64,
}

impl Manifest {
    /// Without the segments.
    pub fn frame(&self) -> Frame {
        Frame {
            through: self.through,
            forgotten: self.forgotten,
        }
    }
}
