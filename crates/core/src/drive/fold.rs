//! The fold: one operation after another, in the order of (seq, index), the same for everyone.
//!
//! Whether its author had the right to an operation was decided before (journal). Here only sense counts.

mod bytes;

pub(super) use self::bytes::sensible_target;

use super::applied::{Applied, EntryMeta, Ignored, Outcome};
use super::liveness::{Walk, is_fixed, walk};
use super::name::check_name;
use super::place::place;
use super::purge::purge;
use super::{Attrs, DriveOp, DriveState, Head, NodeId, is_live, is_live_directory};

/// Applies one operation and says what became of it. The same state, entry and operation give the same new state.
///
/// Costs what it changes: lookups by id and by (folder, name), the walk to the root, for Purge its subtree. On an error of
/// the state nothing is promised: give up the transaction.
pub fn apply<S: DriveState>(state: &mut S, entry: &EntryMeta<'_>, op: &DriveOp) -> Result<Applied, S::Error> {
    let mut fold = Fold { state, entry };
    match op {
        DriveOp::Create {
            node,
            parent,
            name,
            attrs,
            new,
        } => fold.create(*node, *parent, name, *attrs, new),
        DriveOp::Write {
            node,
            base,
            version,
            attrs,
            content,
        } => fold.write(*node, *base, *version, *attrs, content),
        DriveOp::Move { node, parent, name } => fold.relocate(*node, *parent, name),
        DriveOp::Trash { node } => fold.trash(*node),
        DriveOp::Restore { node } => fold.restore(*node),
        DriveOp::Purge { node } => fold.purge(*node),
        DriveOp::PurgeVersion { node, version } => fold.purge_version(*node, *version),
        DriveOp::SetAttrs { node, attrs } => fold.set_attrs(*node, *attrs),
        DriveOp::Repack {
            node,
            version,
            content,
        } => fold.repack(*node, *version, content),
    }
}

struct Fold<'a, S> {
    state: &'a mut S,
    entry: &'a EntryMeta<'a>,
}

impl<S: DriveState> Fold<'_, S> {
    fn relocate(&mut self, node: NodeId, parent: NodeId, name: &str) -> Result<Applied, S::Error> {
        let mut head = match self.live(node)? {
            Ok(head) => head,
            Err(reason) => return Ok(Applied::ignored(reason)),
        };
        // CHK-023
        if check_name(name).is_err() {
            return Ok(Applied::ignored(Ignored::Name));
        }
        if !is_live_directory(self.state, parent)? {
            return Ok(Applied::ignored(Ignored::NoFolder));
        }
        if walk(self.state, parent, Some(node))? == Walk::Below {
            return Ok(Applied::ignored(Ignored::Cycle));
        }
        head.parent = parent;
        head.name = name.to_owned();
        place(self.state, self.entry, head).map(Applied::new)
    }

    fn trash(&mut self, node: NodeId) -> Result<Applied, S::Error> {
        let mut head = match self.live(node)? {
            Ok(head) => head,
            Err(reason) => return Ok(Applied::ignored(reason)),
        };
        head.trashed = Some(self.entry.seq);
        self.update(head)
    }

    fn restore(&mut self, node: NodeId) -> Result<Applied, S::Error> {
        match self.trashed(node)? {
            Ok(head) => place(self.state, self.entry, head).map(Applied::new),
            Err(reason) => Ok(Applied::ignored(reason)),
        }
    }

    fn purge(&mut self, node: NodeId) -> Result<Applied, S::Error> {
        match self.trashed(node)? {
            Ok(_) => purge(self.state, self.entry, node),
            Err(reason) => Ok(Applied::ignored(reason)),
        }
    }

    fn set_attrs(&mut self, node: NodeId, attrs: Attrs) -> Result<Applied, S::Error> {
        let mut head = match self.live(node)? {
            Ok(head) => head,
            Err(reason) => return Ok(Applied::ignored(reason)),
        };
        head.attrs = sensible_attrs(attrs);
        self.update(head)
    }

    fn update(&mut self, mut head: Head) -> Result<Applied, S::Error> {
        head.changed = self.entry.seq;
        self.state.put(head)?;
        Ok(Applied::new(Outcome::Done))
    }

    /// Whether a node has this id.
    fn exists(&self, node: NodeId) -> Result<bool, S::Error> {
        Ok(is_fixed(node) || self.state.head(node)?.is_some())
    }

    /// A live node that is not fixed.
    fn live(&self, node: NodeId) -> Result<Result<Head, Ignored>, S::Error> {
        if is_fixed(node) {
            return Ok(Err(Ignored::Fixed));
        }
        if !is_live(self.state, node)? {
            return Ok(Err(Ignored::NotLive));
        }
        Ok(self.state.head(node)?.ok_or(Ignored::NotLive))
    }

    /// A node that is itself in the trash.
    fn trashed(&self, node: NodeId) -> Result<Result<Head, Ignored>, S::Error> {
        if is_fixed(node) {
            return Ok(Err(Ignored::Fixed));
        }
        Ok(self
            .state
            .head(node)?
            .filter(|head| head.trashed.is_some())
            .ok_or(Ignored::NotTrashed))
    }
}

/// The nine permission bits; nanoseconds below a second.
pub(super) fn sensible_attrs(attrs: Attrs) -> Attrs {
    Attrs {
        mtime_s: attrs.mtime_s,
        mtime_ns: attrs.mtime_ns.min(999_999_999),
        mode: attrs.mode & 0o777,
    }
}
