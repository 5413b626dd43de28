//! A drive's state in memory: for tests, simulation and small drives.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use crannog_proto::DeviceId;

use super::{DriveState, Head, NodeId, Version, VersionId};
use crate::content::Content;

/// The state of a drive, in memory. A new one is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryDrive {
    heads: BTreeMap<NodeId, Head>,
    versions: BTreeMap<NodeId, Vec<Version>>,
    gone: BTreeMap<NodeId, u64>,
    /// Names of a folder's children that are not trashed.
    names: BTreeMap<NodeId, BTreeMap<String, NodeId>>,
    /// (folder, child), trashed or not.
    children: BTreeSet<(NodeId, NodeId)>,
    /// (entry, node), of what is and of what is gone.
    changed: BTreeSet<(u64, NodeId)>,
}

const FIRST: NodeId = NodeId([0; 16]);
const LAST: NodeId = NodeId([0xff; 16]);

impl MemoryDrive {
    /// An empty drive.
    pub fn new() -> Self {
        Self::default()
    }

    /// All nodes, ids ascending.
    pub fn heads(&self) -> impl Iterator<Item = &Head> {
        self.heads.values()
    }

    /// Takes a head out of all indexes.
    fn take(&mut self, node: NodeId) {
        let Some(head) = self.heads.remove(&node) else {
            return;
        };
        if head.trashed.is_none()
            && let Some(names) = self.names.get_mut(&head.parent)
        {
            names.remove(&head.name);
            if names.is_empty() {
                self.names.remove(&head.parent);
            }
        }
        self.children.remove(&(head.parent, node));
        self.changed.remove(&(head.changed, node));
    }
}

impl DriveState for MemoryDrive {
    type Error = Infallible;

    fn head(&self, node: NodeId) -> Result<Option<Head>, Infallible> {
        Ok(self.heads.get(&node).cloned())
    }

    fn child(&self, parent: NodeId, name: &str) -> Result<Option<NodeId>, Infallible> {
        Ok(self.names.get(&parent).and_then(|names| names.get(name)).copied())
    }

    fn children(&self, parent: NodeId) -> Result<Vec<NodeId>, Infallible> {
        Ok(self
            .children
            .range((parent, FIRST)..=(parent, LAST))
            .map(|(_, node)| *node)
            .collect())
    }

    fn has_version(&self, node: NodeId, version: VersionId) -> Result<bool, Infallible> {
        Ok(self
            .versions
            .get(&node)
            .is_some_and(|list| list.iter().any(|own| own.version == version)))
    }

    fn version(&self, node: NodeId, version: VersionId) -> Result<Option<Version>, Infallible> {
        let mut list = self.versions.get(&node).into_iter().flatten();
        Ok(list.find(|own| own.version == version).cloned())
    }

    fn versions(&self, node: NodeId) -> Result<Vec<Version>, Infallible> {
        Ok(self.versions.get(&node).cloned().unwrap_or_default())
    }

    fn gone(&self, node: NodeId) -> Result<Option<u64>, Infallible> {
        Ok(self.gone.get(&node).copied())
    }

    fn changed(&self, after: u64, to: u64) -> Result<Vec<NodeId>, Infallible> {
        if after >= to {
            return Ok(Vec::new());
        }
        let range = self.changed.range((after.saturating_add(1), FIRST)..=(to, LAST));
        let mut nodes: Vec<NodeId> = range.map(|(_, node)| *node).collect();
        nodes.sort_unstable();
        Ok(nodes)
    }

    fn put(&mut self, head: Head) -> Result<(), Infallible> {
        self.take(head.node);
        if let Some(seq) = self.gone.remove(&head.node) {
            self.changed.remove(&(seq, head.node));
        }
        if head.trashed.is_none() {
            self.names
                .entry(head.parent)
                .or_default()
                .insert(head.name.clone(), head.node);
        }
        self.children.insert((head.parent, head.node));
        self.changed.insert((head.changed, head.node));
        self.heads.insert(head.node, head);
        Ok(())
    }

    fn add_version(&mut self, node: NodeId, version: Version) -> Result<(), Infallible> {
        self.versions.entry(node).or_default().push(version);
        Ok(())
    }

    fn move_version(
        &mut self,
        node: NodeId,
        version: VersionId,
        device: DeviceId,
        content: Content,
    ) -> Result<(), Infallible> {
        let list = self.versions.get_mut(&node).into_iter().flatten();
        for own in list.filter(|own| own.version == version) {
            own.device = device;
            own.content = content.clone();
        }
        Ok(())
    }

    fn remove_version(&mut self, node: NodeId, version: VersionId) -> Result<Option<Content>, Infallible> {
        let Some(list) = self.versions.get_mut(&node) else {
            return Ok(None);
        };
        let found = list.iter().position(|own| own.version == version);
        Ok(found.map(|index| list.remove(index).content))
    }

    fn remove(&mut self, node: NodeId, seq: u64) -> Result<Vec<Content>, Infallible> {
        self.take(node);
        if let Some(before) = self.gone.insert(node, seq) {
            self.changed.remove(&(before, node));
        }
        self.changed.insert((seq, node));
        let versions = self.versions.remove(&node).unwrap_or_default();
        Ok(versions.into_iter().map(|version| version.content).collect())
    }

    fn forget(&mut self, through: u64) -> Result<(), Infallible> {
        let changed = &mut self.changed;
        self.gone.retain(|node, seq| {
            let kept = *seq > through;
            if !kept {
                changed.remove(&(*seq, *node));
            }
            kept
        });
        Ok(())
    }
}
