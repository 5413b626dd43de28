//! What is kept outside the log about how far it reaches.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::tree::{Frontier, Hash};

/// How far a log reached when it was last looked at: kept where who can edit the log cannot make one.
///
/// Its bytes are Borsh of the fields in this order. The signature of whoever keeps it, or the key that it is sealed under, is what
/// makes it worth anything.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Anchor {
    /// One more than in the anchor before.
    pub counter: u64,
    /// How many records there were.
    pub size: u64,
    /// The root at that size.
    pub root: Hash,
    /// The roots of the perfect subtrees, largest first.
    pub frontier: Vec<Hash>,
    /// The segment in which record `size` begins or will begin.
    pub segment: u64,
    /// Where in it, in bytes.
    pub offset: u64,
    /// The size of the last checkpoint; 0 before the first.
    pub checkpoint: u64,
    /// Its root.
    pub checkpoint_root: Hash,
    /// How many records at the beginning were dropped with their segments.
    pub dropped: u64,
    /// The frontier of the tree of those.
    pub dropped_frontier: Vec<Hash>,
}

/// Where the anchor lies. Sealing it is for whoever implements this.
pub trait AnchorStore: Send + Sync {
    /// The anchor that was saved last, `None` if none ever was.
    fn load(&self) -> io::Result<Option<Anchor>>;
    /// Replaces it. It is on disk when this returns; after an error the old one is still there.
    fn save(&self, anchor: &Anchor) -> io::Result<()>;
}

impl Anchor {
    /// Of a log in which nothing was written.
    pub(crate) fn first() -> Self {
        Self {
            counter: 0,
            size: 0,
            root: Hash::empty(),
            frontier: Vec::new(),
            segment: 0,
            offset: 0,
            checkpoint: 0,
            checkpoint_root: Hash::empty(),
            dropped: 0,
            dropped_frontier: Vec::new(),
        }
    }

    /// The tree that it describes; `None` if frontier and root do not belong together.
    pub fn tree(&self) -> Option<Frontier> {
        Frontier::from_parts(self.size, self.frontier.clone()).filter(|tree| tree.root() == self.root)
    }

    /// The tree of what was dropped; `None` if it is none, or larger than the whole.
    pub fn dropped_tree(&self) -> Option<Frontier> {
        Frontier::from_parts(self.dropped, self.dropped_frontier.clone())
            .filter(|tree| tree.size() <= self.size)
    }
}
