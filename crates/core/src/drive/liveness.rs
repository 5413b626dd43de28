//! Which nodes are live: up to the root without trash and without gap. Walks ancestors only.

use super::{DriveState, HeadKind, NodeId};

/// How deep a live node can lie. What was moved deeper still exists, but is not live until it is moved up again; so no
/// operation costs more than this many steps.
pub const MAX_DEPTH: usize = 1_024;

/// The root and `/Recovered`.
pub(super) fn is_fixed(node: NodeId) -> bool {
    node == NodeId::ROOT || node == NodeId::RECOVERED
}

/// Whether a node is live: neither it nor an ancestor is trashed, and all ancestors exist, at most [`MAX_DEPTH`] of them.
pub fn is_live<S: DriveState>(state: &S, node: NodeId) -> Result<bool, S::Error> {
    Ok(walk(state, node, None)? == Walk::Live)
}

/// Whether a node is a live folder, into which others can be put.
pub fn is_live_directory<S: DriveState>(state: &S, node: NodeId) -> Result<bool, S::Error> {
    Ok(is_directory(state, node)? && is_live(state, node)?)
}

fn is_directory<S: DriveState>(state: &S, node: NodeId) -> Result<bool, S::Error> {
    Ok(is_fixed(node)
        || state
            .head(node)?
            .is_some_and(|head| head.kind == HeadKind::Directory))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// Up to the root.
    Live,
    /// Not up to the root.
    Dead,
    /// Through the node that was looked for.
    Below,
}

/// Walks up from `node`; stops at `above`, if that is met.
pub(super) fn walk<S: DriveState>(state: &S, node: NodeId, above: Option<NodeId>) -> Result<Walk, S::Error> {
    let mut at = node;
    for _ in 0..=MAX_DEPTH {
        if is_fixed(at) {
            return Ok(Walk::Live);
        }
        if above == Some(at) {
            return Ok(Walk::Below);
        }
        match state.head(at)? {
            Some(head) if head.trashed.is_none() => at = head.parent,
            _ => return Ok(Walk::Dead),
        }
    }
    Ok(Walk::Dead)
}
