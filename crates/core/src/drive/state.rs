//! What the fold needs of a drive's state. There are two: in memory here, in SQLite in the client.

use crannog_proto::DeviceId;

use super::{Attrs, NodeId, Version, VersionId};
use crate::content::Content;

/// A node without its versions, so that an operation costs what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its id.
    pub node: NodeId,
    /// Its folder.
    pub parent: NodeId,
    /// Its name.
    pub name: String,
    /// Times and mode.
    pub attrs: Attrs,
    /// What it is.
    pub kind: HeadKind,
    /// The entry that made it.
    pub created: u64,
    /// The entry that changed it last.
    pub changed: u64,
    /// The entry that put it into the trash.
    pub trashed: Option<u64>,
}

/// A node's kind, without versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadKind {
    /// A folder.
    Directory,
    /// A file.
    File {
        /// Its current version: the one that was added last.
        current: VersionId,
    },
    /// A symbolic link's target.
    Symlink(Vec<u8>),
}

/// The state of a drive. It stores what it is told and checks nothing; the rules are in [`apply`](super::apply).
///
/// The root and `/Recovered` are never stored: they always are. One [`apply`](super::apply), with the entry around it, is one
/// transaction of whoever implements this.
pub trait DriveState {
    /// What can go wrong in storing.
    type Error;

    /// A node, in the trash or not.
    fn head(&self, node: NodeId) -> Result<Option<Head>, Self::Error>;

    /// The node of this name in a folder, if one is there that is not itself trashed. At most one is.
    fn child(&self, parent: NodeId, name: &str) -> Result<Option<NodeId>, Self::Error>;

    /// All nodes whose parent this is, trashed ones too, ids ascending.
    fn children(&self, parent: NodeId) -> Result<Vec<NodeId>, Self::Error>;

    /// Whether a file has this version.
    fn has_version(&self, node: NodeId, version: VersionId) -> Result<bool, Self::Error>;

    /// One version of a file.
    fn version(&self, node: NodeId, version: VersionId) -> Result<Option<Version>, Self::Error>;

    /// A file's versions in the order in which they were added.
    fn versions(&self, node: NodeId) -> Result<Vec<Version>, Self::Error>;

    /// By which entry a node vanished, if one of this id did and that was not [forgotten](Self::forget).
    fn gone(&self, node: NodeId) -> Result<Option<u64>, Self::Error>;

    /// Which nodes (that are or vanished) an entry in `after < seq <= to` changed last, ids ascending.
    fn changed(&self, after: u64, to: u64) -> Result<Vec<NodeId>, Self::Error>;

    /// Whether it can no longer be told what the drive was at a place: a node changed afterwards that may have been there. Who remembers no
    /// more than the last change of each node has to take every such node for one.
    fn hides(&self, place: u64) -> Result<bool, Self::Error> {
        Ok(!self.changed(place, u64::MAX)?.is_empty())
    }

    /// Stores a node, or its new state. That one of its id vanished is over.
    fn put(&mut self, head: Head) -> Result<(), Self::Error>;

    /// Adds a version to a file; it comes last.
    fn add_version(&mut self, node: NodeId, version: Version) -> Result<(), Self::Error>;

    /// Stores a node that is not there yet with all its versions, in order.
    fn load(&mut self, head: Head, versions: Vec<Version>) -> Result<(), Self::Error> {
        let node = head.node;
        self.put(head)?;
        versions
            .into_iter()
            .try_for_each(|version| self.add_version(node, version))
    }

    /// How many nodes, trashed ones too, hang over folders alone on the root or on `/Recovered`.
    fn hanging(&self) -> Result<u64, Self::Error> {
        let mut folders = vec![NodeId::ROOT, NodeId::RECOVERED];
        let mut nodes = 0;
        while let Some(folder) = folders.pop() {
            for node in self.children(folder)? {
                nodes += 1;
                let head = self.head(node)?;
                if head.is_some_and(|head| head.kind == HeadKind::Directory) {
                    folders.push(node);
                }
            }
        }
        Ok(nodes)
    }

    /// Gives a version that is there another content of the same size, and another device.
    fn move_version(
        &mut self,
        node: NodeId,
        version: VersionId,
        device: DeviceId,
        content: Content,
    ) -> Result<(), Self::Error>;

    /// Takes a version out of a file and gives its bytes.
    fn remove_version(&mut self, node: NodeId, version: VersionId) -> Result<Option<Content>, Self::Error>;

    /// Takes a node away with its versions, whose bytes it gives in order, and remembers that it vanished by entry `seq`. Its
    /// children are not touched. The node need not be there.
    fn remove(&mut self, node: NodeId, seq: u64) -> Result<Vec<Content>, Self::Error>;

    /// Forgets which nodes vanished by entries up to this one.
    fn forget(&mut self, through: u64) -> Result<(), Self::Error>;
}
