//! Starting from a checkpoint, newest segment first, so that nothing is written twice.

use super::super::{DriveState, Head, HeadKind, Manifest, Node, Record, RecordKind, Segment};
use super::{LoadError, check_manifest, open_segment};
use crate::check::Check;

/// Loads a **vouched** checkpoint into an empty state, inside one transaction of the caller. [`next`](Self::next) says which segment is
/// needed, until there is none.
#[derive(Debug)]
pub struct Loader {
    left: Vec<Segment>,
    forgotten: u64,
    /// Nodes that were loaded.
    nodes: u64,
}

impl Loader {
    /// Begins (CHK-003, CHK-024, CHK-030).
    pub fn new(manifest: &Manifest) -> Result<Self, Check> {
        check_manifest(manifest)?;
        Ok(Self {
            left: manifest.segments.clone(),
            forgotten: manifest.forgotten,
            nodes: 0,
        })
    }

    /// The segment whose plaintext [`load`](Self::load) needs next; none when all is loaded.
    pub fn next(&self) -> Option<&Segment> {
        self.left.last()
    }

    /// Loads the segment that [`next`](Self::next) named; after the last one the whole has to be a tree (CHK-030). On an error the state is to
    /// be thrown away.
    pub fn load<S: DriveState>(
        &mut self,
        state: &mut S,
        plaintext: &[u8],
    ) -> Result<(), LoadError<S::Error>> {
        let Some(segment) = self.left.pop() else {
            return Ok(());
        };
        for record in open_segment(&segment, plaintext)?.records {
            // CHK-030
            if matches!(record, Record::Gone { changed, .. } if changed <= self.forgotten) {
                return Err(Check::Segment.into());
            }
            self.nodes += u64::from(load_record(state, record)?);
        }
        // CHK-030: a parent that is missing or no folder, or a cycle.
        if self.left.is_empty() && state.hanging().map_err(LoadError::State)? != self.nodes {
            return Err(Check::Segment.into());
        }
        Ok(())
    }
}

/// Whether a node was loaded.
fn load_record<S: DriveState>(state: &mut S, record: Record) -> Result<bool, LoadError<S::Error>> {
    let id = record.node();
    let known = state.head(id).map_err(LoadError::State)?.is_some();
    // A newer segment said what became of it.
    if known || state.gone(id).map_err(LoadError::State)?.is_some() {
        return Ok(false);
    }
    match record {
        Record::Gone { node, changed } => state
            .remove(node, changed)
            .map(|_| false)
            .map_err(LoadError::State),
        Record::Node(node) => load_node(state, node).map(|()| true),
    }
}

fn load_node<S: DriveState>(state: &mut S, node: Node) -> Result<(), LoadError<S::Error>> {
    let Node {
        node,
        parent,
        name,
        attrs,
        kind,
        created,
        changed,
        trashed,
    } = node;
    // CHK-030: two nodes of one name.
    if trashed.is_none() && state.child(parent, &name).map_err(LoadError::State)?.is_some() {
        return Err(Check::Segment.into());
    }
    let (kind, versions) = match kind {
        RecordKind::Directory => (HeadKind::Directory, Vec::new()),
        RecordKind::Symlink(target) => (HeadKind::Symlink(target), Vec::new()),
        RecordKind::File(versions) => {
            let current = versions.last().ok_or(Check::Segment)?.version;
            (HeadKind::File { current }, versions)
        }
    };
    let head = Head {
        node,
        parent,
        name,
        attrs,
        kind,
        created,
        changed,
        trashed,
    };
    state.load(head, versions).map_err(LoadError::State)
}
