//! Finding by name: all names of a drive lie close together and are read once; where they lie is asked for those that match.

use std::collections::HashMap;

use crannog_core::drive::{DriveState, MAX_DEPTH, NodeId, RECOVERED_NAME};

use super::super::DbError;
use super::forest::{Forest, Met, Seen};
use super::mounts::Mounts;
use super::names::Names;
use super::query::RowKind;
use super::{DriveStore, NodeRow};

/// Folders whose paths are remembered.
const REMEMBERED: usize = 65_536;

impl Forest<'_> {
    /// Everything below a folder whose folded name holds a text, in no order; mounts are followed.
    pub(crate) fn search<E: From<DbError>>(
        &self,
        from: &Seen,
        text: &str,
        each: &mut impl FnMut(Met) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut tops = vec![(Names::default(), from.clone())];
        while let Some((above, top)) = tops.pop() {
            if top.row.kind != RowKind::Directory || self.mounts().is_closed(top.drive()) {
                continue;
            }
            let store = self.store(top.drive());
            let mut trail = Trail::new(&store, self.mounts(), &top, above);
            if let Some(recovered) = trail.recovered()? {
                self.met(&top, recovered, trail.above.clone(), each)?;
            }
            store.matching(text, &mut |row, parent| match trail.names(parent)? {
                Some(names) => self.met(&top, row, names, each),
                None => Ok(()),
            })?;
            for row in self.mount_points(top.drive(), top.row.node)? {
                let parent = store.head(row.node)?.map_or(NodeId::ROOT, |head| head.parent);
                let (names, inner) = (trail.names(parent)?, self.shown(&top.way, row)?);
                if let Some(names) = names.filter(|_| inner.seat.is_some()) {
                    tops.push((names.with(&inner.row.name), inner));
                }
            }
        }
        Ok(())
    }

    fn met<E: From<DbError>>(
        &self,
        top: &Seen,
        row: NodeRow,
        above: Names,
        each: &mut impl FnMut(Met) -> Result<(), E>,
    ) -> Result<(), E> {
        let seen = self.shown(&top.way, row)?;
        let names = above.with(&seen.row.name);
        each(Met { names, seen })
    }
}

/// Where folders lie below the one that the search began in.
struct Trail<'a> {
    store: &'a DriveStore<'a>,
    mounts: &'a Mounts,
    top: NodeId,
    /// Of the top.
    above: Names,
    known: HashMap<NodeId, Option<Names>>,
}

impl<'a> Trail<'a> {
    fn new(store: &'a DriveStore<'a>, mounts: &'a Mounts, top: &Seen, above: Names) -> Self {
        Self {
            store,
            mounts,
            top: top.row.node,
            above,
            known: HashMap::new(),
        }
    }

    /// The folder that is in no table, if it is seen.
    fn recovered(&self) -> Result<Option<NodeRow>, DbError> {
        if self.top == NodeId::ROOT && self.store.holds_anything(NodeId::RECOVERED)? {
            return self.store.row(NodeId::RECOVERED);
        }
        Ok(None)
    }

    /// The names down to a folder. None: it is not below the top, lies in the trash, or under a mount.
    fn names(&mut self, folder: NodeId) -> Result<Option<Names>, DbError> {
        let (mut at, mut way) = (folder, Vec::new());
        let mut names = loop {
            if at == self.top {
                break Some(self.above.clone());
            }
            if at == NodeId::RECOVERED && self.top == NodeId::ROOT {
                break Some(self.above.with(RECOVERED_NAME));
            }
            if let Some(known) = self.known.get(&at) {
                break known.clone();
            }
            let head = self.store.head(at)?.filter(|head| head.trashed.is_none());
            let hidden = self.mounts.is_mount(self.store.drive, at) || way.len() > MAX_DEPTH;
            let Some(head) = head.filter(|_| !hidden) else {
                way.push((at, None));
                break None;
            };
            way.push((at, Some(head.name)));
            at = head.parent;
        };
        if self.known.len() > REMEMBERED {
            self.known.clear();
        }
        for (node, name) in way.into_iter().rev() {
            names = names.zip(name).map(|(above, name)| above.with(&name));
            self.known.insert(node, names.clone());
        }
        Ok(names)
    }
}
