//! Starting from a checkpoint, newest segment first, so that nothing is written twice.

use super::super::{DriveState, Head, HeadKind, Manifest, Node, Record, RecordKind, Segment};
use super::{LoadError, check_manifest, open_segment};
use crate::check::Check;

/// Loads a **vouched** checkpoint into an empty state, inside one transaction of the caller. [`next`](Self::next) says which segment is
/// needed, until there is none.
#[derive(Debug)]
pub struct Loader {
    left: Vec<Segment>,
}

impl Loader {
    /// Begins (CHK-003, CHK-024, CHK-030).
    pub fn new(manifest: &Manifest) -> Result<Self, Check> {
        check_manifest(manifest)?;
        Ok(Self {
            left: manifest.segments.clone(),
        })
    }

    /// The segment whose plaintext [`load`](Self::load) needs next; none when all is loaded.
    pub fn next(&self) -> Option<&Segment> {
        self.left.last()
    }

    /// Loads the segment that [`next`](Self::next) named. On an error the state is to be thrown away.
    pub fn load<S: DriveState>(
        &mut self,
        state: &mut S,
        plaintext: &[u8],
    ) -> Result<(), LoadError<S::Error>> {
        let Some(segment) = self.left.pop() else {
            return Ok(());
        };
        for record in open_segment(&segment, plaintext)?.records {
            load_record(state, record)?;
        }
        Ok(())
    }
}

fn load_record<S: DriveState>(state: &mut S, record: Record) -> Result<(), LoadError<S::Error>> {
    let id = record.node();
    let known = state.head(id).map_err(LoadError::State)?.is_some();
    // A newer segment said what became of it.
    if known || state.gone(id).map_err(LoadError::State)?.is_some() {
        return Ok(());
    }
    match record {
        Record::Gone { node, changed } => state.remove(node, changed).map(drop).map_err(LoadError::State),
        Record::Node(node) => load_node(state, node),
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
    state
        .put(Head {
            node,
            parent,
            name,
            attrs,
            kind,
            created,
            changed,
            trashed,
        })
        .map_err(LoadError::State)?;
    versions
        .into_iter()
        .try_for_each(|version| state.add_version(node, version))
        .map_err(LoadError::State)
}
