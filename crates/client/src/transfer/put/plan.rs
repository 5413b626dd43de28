//! What a put has to do: the local tree held against the local database, folder by folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crannog_agent_api::request::Filter;
use crannog_agent_api::{Code, Failure};
use crannog_core::content::CHUNK;
use crannog_core::drive::{Attrs, DriveOp, NewNode, NodeId, Version, VersionId};
use crannog_core::journal::Role;
use tokio::sync::mpsc;

use super::super::file::Target;
use super::super::scan::{self, Found, FoundKind};
use super::super::{groups, interrupted};
use crate::clock;
use crate::db::{Db, DriveStore, FileStamp, Forest, Mounts, NodeRow, RowKind, Seen, Way};
use crate::error::Result;
use crate::journal::Journal;

/// One thing to do, in an order in which folders come before what they hold.
#[derive(Debug)]
pub(crate) enum Step {
    /// An operation without content on a drive; `folder`: it makes one.
    Op {
        drive: i64,
        op: Box<DriveOp>,
        path: String,
        folder: bool,
    },
    /// A file to send.
    File(Box<FileStep>),
    /// Size and time are the same: nothing to do.
    Unchanged,
    /// Neither a file, a folder nor a link: left out.
    Skipped(String),
    /// One object failed.
    Failed(Failure),
}

/// A file to send.
#[derive(Debug)]
pub(crate) struct FileStep {
    /// The drive into which it goes.
    pub(crate) drive: i64,
    pub(crate) local: PathBuf,
    pub(crate) stamp: FileStamp,
    pub(crate) attrs: Attrs,
    pub(crate) target: Target,
    /// The version that it replaces.
    pub(crate) previous: Option<Version>,
    pub(crate) path: String,
}

/// In which drives this account may not do everything, by their local numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    /// Nothing may be put there.
    read_only: Vec<i64>,
    /// What is there stays as it is.
    adds_only: Vec<i64>,
}

impl Limits {
    /// As the member lists say now.
    pub(crate) fn of(journals: &[Arc<Journal>]) -> Self {
        let with = |role| {
            let mine = journals
                .iter()
                .filter(|journal| journal.state().role() == Some(role));
            mine.map(|journal| journal.row).collect()
        };
        Self {
            read_only: with(Role::Reader),
            adds_only: with(Role::Append),
        }
    }
}

impl groups::Step for Step {
    type File = FileStep;

    fn small(self) -> std::result::Result<(FileStep, u64), Self> {
        match self {
            Self::File(step) if step.stamp.size < CHUNK => {
                let size = step.stamp.size;
                Ok((*step, size))
            }
            other => Err(other),
        }
    }
}

/// Where a source goes: the folder and the name there. A source that is a folder and whose contents are meant has the name `None`.
#[derive(Debug, Clone)]
pub(crate) struct Landing {
    pub(crate) source: PathBuf,
    /// The drives on the way to the parent.
    pub(crate) way: Way,
    pub(crate) parent: NodeId,
    /// The parent is made by this very command.
    pub(crate) parent_is_new: bool,
    pub(crate) name: Option<String>,
    /// The name for messages.
    pub(crate) shown_name: Option<String>,
    /// The remote path of the parent, for messages.
    pub(crate) path: String,
    pub(crate) recursive: bool,
}

/// Compares one source with the drive, and where a folder is mounted with the drive there, and sends the steps. Blocking; ends early when nobody listens.
pub(crate) fn plan(
    db: &Db,
    mounts: &Mounts,
    limits: &Limits,
    landing: &Landing,
    filter: &Filter,
    totals: (Arc<AtomicU64>, Arc<AtomicU64>),
    steps: &mpsc::Sender<Step>,
) -> Result<()> {
    let mut planner = Planner {
        db,
        mounts,
        limits,
        landing,
        stack: Vec::new(),
        totals,
        steps,
    };
    if landing.name.is_none() {
        planner.stack.push(planner.folder(
            &landing.way,
            landing.parent,
            landing.parent_is_new,
            landing.path.clone(),
        )?);
    }
    if !landing.recursive {
        return match scan::look(&landing.source, Vec::new())? {
            Some(found) => planner.found(found),
            None => planner.send(Step::Failed(
                Failure::new(Code::Usage, "neither a file, a folder nor a link")
                    .object(landing.source.display().to_string()),
            )),
        };
    }
    let failed = |failure| {
        let _ = steps.blocking_send(Step::Failed(failure));
    };
    let skipped = |path: &Path| {
        let _ = steps.blocking_send(Step::Skipped(path.display().to_string()));
    };
    scan::walk(
        &landing.source,
        filter,
        |found| planner.found(found),
        failed,
        skipped,
    )
}

struct Planner<'a> {
    db: &'a Db,
    mounts: &'a Mounts,
    limits: &'a Limits,
    landing: &'a Landing,
    /// The remote folders from the source down to where the walk is.
    stack: Vec<Folder>,
    totals: (Arc<AtomicU64>, Arc<AtomicU64>),
    steps: &'a mpsc::Sender<Step>,
}

struct Folder {
    way: Way,
    node: NodeId,
    path: String,
    children: HashMap<String, Seen>,
}

/// Where something that was found goes.
struct Goal {
    way: Way,
    drive: i64,
    parent: NodeId,
    name: String,
    path: String,
    existing: Option<Seen>,
}

impl Planner<'_> {
    fn send(&self, step: Step) -> Result<()> {
        self.steps.blocking_send(step).map_err(|_| interrupted())
    }

    fn folder(&self, way: &Way, node: NodeId, new: bool, path: String) -> Result<Folder> {
        let mut children = HashMap::new();
        if !new {
            let read = |c: &rusqlite::Connection| Forest::new(c, self.mounts).children(way, node);
            let found = self.db.read_blocking(read)?;
            children.extend(found.into_iter().map(|seen| (seen.row.name.clone(), seen)));
        }
        Ok(Folder {
            way: way.clone(),
            node,
            path,
            children,
        })
    }

    fn found(&mut self, found: Found) -> Result<()> {
        let depth = found.names.len();
        let contents_only = self.landing.name.is_none();
        if depth == 0 && contents_only {
            return Ok(());
        }
        // The stack has one folder per name above, and the landing's parent at the bottom.
        if self.stack.is_empty() {
            let Landing {
                way,
                parent,
                parent_is_new,
                path,
                ..
            } = self.landing;
            self.stack
                .push(self.folder(way, *parent, *parent_is_new, path.clone())?);
        }
        let above = if contents_only { depth } else { depth + 1 };
        self.stack.truncate(above);
        if self.stack.len() < above {
            return Ok(());
        }
        let name = found.names.last().cloned().or_else(|| self.landing.name.clone());
        let (Some(name), Some(folder)) = (name, self.stack.last_mut()) else {
            return Ok(());
        };
        let shown_name = found.names.last().or(self.landing.shown_name.as_ref());
        let mut goal = Goal {
            way: folder.way.clone(),
            drive: folder.way.last().copied().unwrap_or_default(),
            parent: folder.node,
            path: join(&folder.path, shown_name.unwrap_or(&name)),
            existing: folder.children.remove(&name),
            name,
        };
        if let Some(seen) = goal.existing.as_ref().filter(|seen| seen.seat.is_some()) {
            if let Some(failure) = self.refused(seen, &goal.path) {
                return self.send(Step::Failed(failure));
            }
            goal.drive = seen.drive();
        }
        let name = &goal.name;
        if let Err(error) = crannog_core::drive::check_name(name) {
            return self.send(Step::Failed(
                Failure::new(Code::Usage, error.to_string())
                    .object(found.path.display().to_string())
                    .hint("rename it, then put it again"),
            ));
        }
        match found.kind {
            FoundKind::Directory => self.directory(found.attrs, goal),
            FoundKind::File(stamp) => self.file(&found.path, stamp, found.attrs, goal),
            FoundKind::Symlink(target) => self.symlink(target, found.attrs, goal),
        }
    }

    /// Whether what is in this drive stays as it is.
    fn adds_only(&self, drive: i64) -> bool {
        self.limits.adds_only.contains(&drive)
    }

    /// Why nothing goes into a share.
    fn refused(&self, seen: &Seen, path: &str) -> Option<Failure> {
        let (message, hint) = if self.mounts.is_closed(seen.drive()) {
            (
                "an alarm stopped this share: it was passed over",
                crate::ops::LOOK,
            )
        } else if self.limits.read_only.contains(&seen.drive()) {
            (
                "this account may only read this share: it was passed over",
                "an admin of the share can make you a writer (crannog members shows who is)",
            )
        } else {
            return None;
        };
        Some(Failure::new(Code::Conflict, message).object(path).hint(hint))
    }

    fn directory(&mut self, attrs: Attrs, goal: Goal) -> Result<()> {
        let (way, node, new) = match goal.existing {
            Some(seen) if seen.row.kind == RowKind::Directory => {
                let row = &seen.row;
                let fixed = row.node == NodeId::RECOVERED || self.adds_only(goal.drive);
                if row.attrs != attrs && !fixed && seen.seat.is_none() {
                    let op = DriveOp::SetAttrs {
                        node: row.node,
                        attrs,
                    };
                    self.op(goal.drive, op, goal.path.clone(), false)?;
                }
                (seen.way, seen.row.node, false)
            }
            Some(seen) => {
                // The stack stays short, so that all below is passed over.
                return self.send(Step::Failed(in_the_way(&seen.row, &goal.path)));
            }
            None => {
                let node = fresh();
                let op = DriveOp::Create {
                    node,
                    parent: goal.parent,
                    name: goal.name,
                    attrs,
                    new: NewNode::Directory,
                };
                self.op(goal.drive, op, goal.path.clone(), true)?;
                (goal.way, node, true)
            }
        };
        let folder = self.folder(&way, node, new, goal.path)?;
        self.stack.push(folder);
        Ok(())
    }

    fn file(&self, local: &Path, stamp: FileStamp, attrs: Attrs, goal: Goal) -> Result<()> {
        let (drive, path) = (goal.drive, goal.path);
        let (target, previous) = match goal.existing {
            None => (
                Target::Create {
                    node: fresh(),
                    parent: goal.parent,
                    name: goal.name,
                },
                None,
            ),
            Some(seen) if seen.is_awaited() => (
                Target::Create {
                    node: fresh(),
                    parent: NodeId::ROOT,
                    name: goal.name,
                },
                None,
            ),
            Some(Seen { row, .. }) => match row.kind {
                RowKind::File { size, current } => {
                    let node = row.node;
                    if size == stamp.size
                        && (row.attrs.mtime_s, row.attrs.mtime_ns) == (attrs.mtime_s, attrs.mtime_ns)
                    {
                        if row.attrs.mode != attrs.mode && !self.adds_only(drive) {
                            return self.op(drive, DriveOp::SetAttrs { node, attrs }, path, false);
                        }
                        return self.send(Step::Unchanged);
                    }
                    if self.adds_only(drive) {
                        return self.send(Step::Failed(crate::ops::adds_only(&path)));
                    }
                    let previous = self
                        .db
                        .read_blocking(|c| DriveStore::new(c, drive).current(node))?;
                    (Target::Write { node, base: current }, previous)
                }
                _ => return self.send(Step::Failed(in_the_way(&row, &path))),
            },
        };
        self.totals.0.fetch_add(1, Ordering::Relaxed);
        self.totals.1.fetch_add(stamp.size, Ordering::Relaxed);
        self.send(Step::File(Box::new(FileStep {
            drive,
            local: local.to_owned(),
            stamp,
            attrs,
            target,
            previous,
            path,
        })))
    }

    fn symlink(&self, target: Vec<u8>, attrs: Attrs, goal: Goal) -> Result<()> {
        let (drive, path) = (goal.drive, goal.path);
        match goal.existing.map(|seen| seen.row) {
            None => {}
            Some(NodeRow {
                kind: RowKind::Symlink(old),
                attrs: old_attrs,
                node,
                ..
            }) if old == target => {
                let same = old_attrs.mtime_s == attrs.mtime_s && old_attrs.mtime_ns == attrs.mtime_ns;
                if same || self.adds_only(drive) {
                    return self.send(Step::Unchanged);
                }
                return self.op(drive, DriveOp::SetAttrs { node, attrs }, path, false);
            }
            Some(NodeRow {
                kind: RowKind::Symlink(_),
                node,
                ..
            }) => {
                if self.adds_only(drive) {
                    return self.send(Step::Failed(crate::ops::adds_only(&path)));
                }
                self.op(drive, DriveOp::Trash { node }, path.clone(), false)?;
            }
            Some(row) => return self.send(Step::Failed(in_the_way(&row, &path))),
        }
        let op = DriveOp::Create {
            node: fresh(),
            parent: goal.parent,
            name: goal.name,
            attrs,
            new: NewNode::Symlink { target },
        };
        self.op(drive, op, path, false)
    }

    fn op(&self, drive: i64, op: DriveOp, path: String, folder: bool) -> Result<()> {
        self.send(Step::Op {
            drive,
            op: Box::new(op),
            path,
            folder,
        })
    }
}

pub(crate) fn fresh() -> NodeId {
    NodeId::generate(clock::now_ms(), &mut rand::rng())
}

pub(crate) fn fresh_version() -> VersionId {
    VersionId::generate(clock::now_ms(), &mut rand::rng())
}

pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.ends_with('/') {
        format!("{folder}{name}")
    } else {
        format!("{folder}/{name}")
    }
}

fn in_the_way(row: &NodeRow, path: &str) -> Failure {
    let what = match row.kind {
        RowKind::Directory => "a folder",
        RowKind::File { .. } => "a file",
        RowKind::Symlink(_) => "a link",
    };
    Failure::new(Code::Conflict, format!("{what} is in the way"))
        .object(path)
        .hint("move or remove it first (crannog mv, crannog rm)")
}
