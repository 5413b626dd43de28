//! All drives as one tree: where a drive is mounted, its top takes the place of the node.

use crannog_core::drive::{DriveState, MAX_DEPTH, NodeId, RECOVERED_NAME};
use rusqlite::Connection;

use super::super::DbError;
use super::mounts::{Mounts, Way};
use super::names::Names;
use super::query::{Listing, NodeRow, RowKind, UsageTotals};
use super::{DriveStore, KIND_FILE};

/// The drives in one snapshot.
pub(crate) struct Forest<'a> {
    connection: &'a Connection,
    mounts: &'a Mounts,
}

/// A node as a path shows it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The last is the drive of `row`.
    pub(crate) way: Way,
    /// At a mount point: what is mounted there, under the name of the mount point (a folder: with its attributes too).
    pub(crate) row: NodeRow,
    /// The mount point itself, in the drive before the last.
    pub(crate) seat: Option<NodeRow>,
}

impl Seen {
    /// The drive of its row.
    pub(crate) fn drive(&self) -> i64 {
        last(&self.way)
    }

    /// A share of one file that has not arrived yet: its row is that of an empty file, and no node.
    pub(crate) fn is_awaited(&self) -> bool {
        self.seat.is_some() && matches!(self.row.kind, RowKind::File { .. }) && self.row.versions == 0
    }
}

/// A folder that is being read.
#[derive(Debug)]
pub(crate) struct Opened {
    way: Way,
    /// None of a drive that an alarm stopped.
    listing: Option<Listing>,
}

/// A seen node below the folder that was walked.
#[derive(Debug, Clone)]
pub(crate) struct Met {
    /// Names from there; empty for the folder itself.
    pub(crate) names: Names,
    pub(crate) seen: Seen,
}

impl Met {
    /// A mount point on the way; not the one where the walk began.
    pub(crate) fn is_share(&self) -> bool {
        self.seen.seat.is_some() && !self.names.is_empty()
    }
}

/// A drive that is mounted somewhere below.
#[derive(Debug)]
pub(crate) struct Share {
    /// Names from the top of the drive where the look began.
    pub(crate) names: Vec<String>,
    pub(crate) drive: i64,
}

/// Where names lead.
#[derive(Debug)]
pub(crate) struct Found {
    /// The drives that were passed through.
    pub(crate) way: Way,
    /// The names in the last one.
    pub(crate) names: Vec<String>,
    /// What is there, if anything is.
    pub(crate) seen: Option<Seen>,
    /// The mount point at the very end.
    pub(crate) seat: Option<NodeRow>,
    /// A drive is mounted inside itself here; the names go no further.
    pub(crate) circle: bool,
}

impl<'a> Forest<'a> {
    pub(crate) fn new(connection: &'a Connection, mounts: &'a Mounts) -> Self {
        Self { connection, mounts }
    }

    pub(super) fn mounts(&self) -> &'a Mounts {
        self.mounts
    }

    /// One drive by itself.
    pub(crate) fn store(&self, drive: i64) -> DriveStore<'a> {
        DriveStore::new(self.connection, drive)
    }

    /// Follows names from the top of a drive, through mounts.
    pub(crate) fn resolve(&self, drive: i64, names: &[String]) -> Result<Found, DbError> {
        let mut found = Found {
            way: Way::from([drive]),
            names: Vec::new(),
            seen: None,
            seat: None,
            circle: false,
        };
        let mut at = NodeId::ROOT;
        for (place, name) in names.iter().enumerate() {
            let store = self.store(last(&found.way));
            let recovered = at == NodeId::ROOT && name == RECOVERED_NAME;
            let child = store.child(at, name)?.or(recovered.then_some(NodeId::RECOVERED));
            found.seat = None;
            let Some(child) = child else {
                found.names.extend(names.iter().skip(place).cloned());
                return Ok(found);
            };
            let Some((inner, row)) = self.mount_at(&found.way, child)? else {
                found.names.push(name.clone());
                at = child;
                continue;
            };
            let Some(way) = extended(&found.way, inner) else {
                found.circle = true;
                return Ok(found);
            };
            found.way = way;
            if row.kind == RowKind::Directory {
                found.names.clear();
                at = NodeId::ROOT;
            } else if let Some(file) = self.only_file(inner)? {
                found.names = vec![file.name];
                at = file.node;
            } else {
                found.names = vec![row.name.clone()];
                found.names.extend(names.iter().skip(place + 1).cloned());
                found.seat = Some(row).filter(|_| place + 1 == names.len());
                return Ok(found);
            }
            found.seat = Some(row);
        }
        found.seen = self.at(&found.way, at, found.seat.clone())?;
        Ok(found)
    }

    /// A node that names led to.
    fn at(&self, way: &Way, node: NodeId, seat: Option<NodeRow>) -> Result<Option<Seen>, DbError> {
        let row = self.store(last(way)).row(node)?;
        let seen = |row| Seen {
            way: way.clone(),
            row: dressed(row, seat.as_ref()),
            seat: seat.clone(),
        };
        Ok(row.map(seen))
    }

    /// A row, or what is mounted there. Of a drive that is mounted inside itself only the mount point is shown.
    pub(crate) fn shown(&self, way: &Way, seat: NodeRow) -> Result<Seen, DbError> {
        let inner = self.mounted(way, &seat);
        let Some((inner, way)) = inner.and_then(|inner| Some((inner, extended(way, inner)?))) else {
            return Ok(Seen {
                way: way.clone(),
                row: seat,
                seat: None,
            });
        };
        let row = match &seat.kind {
            RowKind::File { .. } => match self.only_file(inner)? {
                Some(file) => file,
                None => seat.awaited(),
            },
            _ => NodeRow {
                node: NodeId::ROOT,
                ..seat.clone()
            },
        };
        Ok(Seen {
            way,
            row: dressed(row, Some(&seat)),
            seat: Some(seat),
        })
    }

    /// The drive that is mounted at a node, and the node.
    fn mount_at(&self, way: &Way, node: NodeId) -> Result<Option<(i64, NodeRow)>, DbError> {
        if self.mounts.at(last(way), node).is_none() {
            return Ok(None);
        }
        let row = self.store(last(way)).row(node)?;
        Ok(row.and_then(|row| Some((self.mounted(way, &row)?, row))))
    }

    /// The drive that is mounted at a row. A link is no mount point.
    fn mounted(&self, way: &Way, row: &NodeRow) -> Option<i64> {
        let inner = self.mounts.at(last(way), row.node)?;
        (!matches!(row.kind, RowKind::Symlink(_))).then_some(inner)
    }

    /// The file for which a share of one file stands: the one in its top that came first.
    fn only_file(&self, drive: i64) -> Result<Option<NodeRow>, DbError> {
        if self.mounts.is_closed(drive) {
            return Ok(None);
        }
        let node = self
            .connection
            .prepare_cached(
                "SELECT node FROM nodes INDEXED BY nodes_by_parent
                 WHERE drive = ?1 AND parent = ?2 AND kind = ?3 AND trashed IS NULL ORDER BY created, node LIMIT 1",
            )?
            .query_map((drive, NodeId::ROOT.0.as_slice(), KIND_FILE), |row| {
                row.get(0).map(NodeId)
            })?
            .next()
            .transpose()?;
        match node {
            Some(node) => self.store(drive).row(node),
            None => Ok(None),
        }
    }

    /// What lies in a folder, by name; the folder need not be there. Nothing of a drive that an alarm stopped. All at once: [`Self::open`] is
    /// for folders of any size.
    pub(crate) fn children(&self, way: &Way, folder: NodeId) -> Result<Vec<Seen>, DbError> {
        let mut opened = self.opened(way, folder);
        std::iter::from_fn(|| self.next(&mut opened).transpose()).collect()
    }

    /// A folder to be read a few rows at a time.
    pub(crate) fn open(&self, folder: &Seen) -> Opened {
        self.opened(&folder.way, folder.row.node)
    }

    fn opened(&self, way: &Way, folder: NodeId) -> Opened {
        Opened {
            way: way.clone(),
            listing: (!self.mounts.is_closed(last(way))).then(|| Listing::of(folder)),
        }
    }

    /// What comes next in an opened folder.
    pub(crate) fn next(&self, opened: &mut Opened) -> Result<Option<Seen>, DbError> {
        let Some(listing) = &mut opened.listing else {
            return Ok(None);
        };
        let row = listing.next(&self.store(last(&opened.way)))?;
        row.map(|row| self.shown(&opened.way, row)).transpose()
    }

    /// Everything below a node (itself first), folders before what they hold, siblings by name. `each` may stop the walk by an error.
    pub(crate) fn walk<E: From<DbError>>(
        &self,
        from: Seen,
        each: &mut impl FnMut(Met) -> Result<(), E>,
    ) -> Result<(), E> {
        self.walk_into(from, |_| true, each)
    }

    /// The same in one drive: mount points below are met, but not gone through.
    pub(crate) fn walk_one<E: From<DbError>>(
        &self,
        from: Seen,
        each: &mut impl FnMut(Met) -> Result<(), E>,
    ) -> Result<(), E> {
        self.walk_into(from, |met| !met.is_share(), each)
    }

    /// In memory are a few rows of each folder on the way down.
    fn walk_into<E: From<DbError>>(
        &self,
        from: Seen,
        enters: impl Fn(&Met) -> bool,
        each: &mut impl FnMut(Met) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut open: Vec<(Names, Opened)> = Vec::new();
        let mut next = Some(Met {
            names: Names::default(),
            seen: from,
        });
        loop {
            if let Some(met) = next {
                if met.seen.row.kind == RowKind::Directory && enters(&met) {
                    open.push((met.names.clone(), self.open(&met.seen)));
                }
                each(met)?;
            }
            let Some((above, folder)) = open.last_mut() else {
                return Ok(());
            };
            next = self.next(folder)?.map(|seen| Met {
                names: above.with(&seen.row.name),
                seen,
            });
            if next.is_none() {
                open.pop();
            }
        }
    }

    /// The mount points below a node of a drive, those below another one left out.
    pub(crate) fn mount_points(&self, drive: i64, node: NodeId) -> Result<Vec<NodeRow>, DbError> {
        let store = self.store(drive);
        let mut rows = Vec::new();
        for point in self.mounts.on(drive) {
            if self.is_visible_below(&store, drive, point, node)? {
                rows.extend(store.row(point)?);
            }
        }
        rows.retain(|row| !matches!(row.kind, RowKind::Symlink(_)));
        Ok(rows)
    }

    fn is_visible_below(
        &self,
        store: &DriveStore<'_>,
        drive: i64,
        point: NodeId,
        node: NodeId,
    ) -> Result<bool, DbError> {
        let mut at = point;
        for _ in 0..=MAX_DEPTH {
            let head = store.head(at)?.filter(|head| head.trashed.is_none());
            let Some(head) = head else { return Ok(false) };
            at = head.parent;
            if at == node {
                return Ok(true);
            }
            if self.mounts.at(drive, at).is_some() {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// The drives that are mounted below a node, and below those.
    pub(crate) fn shares(&self, from: &Seen) -> Result<Vec<Share>, DbError> {
        let mut shares: Vec<Share> = Vec::new();
        let mut stack = vec![(Vec::new(), from.clone())];
        while let Some((names, seen)) = stack.pop() {
            let store = self.store(seen.drive());
            for row in self.mount_points(seen.drive(), seen.row.node)? {
                let point = row.node;
                let inner = self.shown(&seen.way, row)?;
                if inner.seat.is_none() {
                    continue;
                }
                let mut names: Vec<String> = names.clone();
                names.extend(store.names_of(point)?);
                shares.push(Share {
                    names: names.clone(),
                    drive: inner.drive(),
                });
                stack.push((names, inner));
            }
        }
        Ok(shares)
    }

    /// Files and bytes at and below a node.
    pub(crate) fn totals(&self, from: &Seen) -> Result<UsageTotals, DbError> {
        let mut sum = UsageTotals::default();
        let mut stack = vec![from.clone()];
        while let Some(seen) = stack.pop() {
            if seen.is_awaited() || self.mounts.is_closed(seen.drive()) {
                continue;
            }
            let store = self.store(seen.drive());
            sum.add(store.totals(seen.row.node)?);
            for row in self.mount_points(seen.drive(), seen.row.node)? {
                let hidden = row.node;
                let inner = self.shown(&seen.way, row)?;
                if inner.seat.is_some() {
                    // What lies under the mount is not seen.
                    sum.subtract(store.totals(hidden)?);
                    stack.push(inner);
                }
            }
        }
        Ok(sum)
    }
}

fn last(way: &Way) -> i64 {
    way.last().copied().unwrap_or_default()
}

/// None where the way has been there already.
fn extended(way: &Way, drive: i64) -> Option<Way> {
    (!way.contains(&drive)).then(|| way.iter().copied().chain([drive]).collect())
}

/// What is mounted goes by the name of the mount point; a top folder has no attributes of its own.
fn dressed(mut row: NodeRow, seat: Option<&NodeRow>) -> NodeRow {
    if let Some(seat) = seat {
        row.name.clone_from(&seat.name);
        if row.node == NodeId::ROOT {
            row.attrs = seat.attrs;
        }
    }
    row
}
