//! Changes without content: mkdir, mv, rm.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crannog_agent_api::answer::Changed;
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::drive::{Attrs, DriveOp, NewNode, NodeId};

use super::mounts::is_a_share;
use super::spot::Spot;
use super::{conflict, is_fixed, is_folder, not_found, usage};
use crate::clock;
use crate::db::{NodeRow, Way};
use crate::engine::Caller;
use crate::error::Result;
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::{Plan, Report, fresh_node};

/// Where something goes: a folder of a drive, and the name there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) journal: Arc<Journal>,
    /// The drives on the way to it.
    pub(crate) way: Way,
    pub(crate) parent: NodeId,
    pub(crate) parent_path: String,
    /// `None`: into the folder, under the source's own name.
    pub(crate) name: Option<String>,
    /// The same as the user calls it: a shared file may have another name inside the share.
    pub(crate) shown_name: Option<String>,
}

/// Folders of one drive that a command is going to make, all at once.
#[derive(Debug)]
struct NewFolders {
    journal: Arc<Journal>,
    at: HashMap<Vec<String>, NodeId>,
    nodes: HashSet<NodeId>,
    ops: Vec<DriveOp>,
}

impl NewFolders {
    fn of(journal: &Arc<Journal>) -> Self {
        Self {
            journal: Arc::clone(journal),
            at: HashMap::new(),
            nodes: HashSet::new(),
            ops: Vec::new(),
        }
    }

    fn make(&mut self, parent: NodeId, place: &[String]) -> NodeId {
        let node = fresh_node();
        self.at.insert(place.to_vec(), node);
        self.nodes.insert(node);
        self.ops.push(DriveOp::Create {
            node,
            parent,
            name: place.last().cloned().unwrap_or_default(),
            attrs: now_attrs(0o755),
            new: NewNode::Directory,
        });
        node
    }
}

fn name_of_new(op: &DriveOp) -> Option<String> {
    match op {
        DriveOp::Create { name, .. } => Some(name.clone()),
        _ => None,
    }
}

/// Attributes of what is made here and now.
pub(crate) fn now_attrs(mode: u16) -> Attrs {
    let now = clock::now_ms();
    Attrs {
        mtime_s: now.div_euclid(1000),
        mtime_ns: u32::try_from(now.rem_euclid(1000)).unwrap_or(0) * 1_000_000,
        mode,
    }
}

impl Shared {
    /// Makes folders: in each drive all of them, or none.
    pub(crate) async fn mkdir(
        self: &Arc<Self>,
        paths: Vec<RemotePath>,
        parents: bool,
        dry_run: bool,
        caller: &Caller,
    ) -> Result<Answer> {
        let mut report = Report::new(caller, "making", dry_run);
        let mut planned: HashMap<i64, NewFolders> = HashMap::new();
        for path in paths {
            let spot = self.locate_to_change(&path).await?;
            let new = planned
                .entry(spot.journal.row)
                .or_insert_with(|| NewFolders::of(&spot.journal));
            let before = new.ops.len();
            self.plan_mkdir(&spot, parents, new, &mut report.plan).await?;
            if new.ops.len() > before {
                spot.refuse_reader()?;
            }
        }
        for new in planned.into_values() {
            report.changed.folders += new.ops.len() as u64;
            if !dry_run {
                let names: Vec<String> = new.ops.iter().filter_map(name_of_new).collect();
                let applied = self.apply(&new.journal, new.ops).await?;
                report.became(&names, &applied).await;
            }
        }
        Ok(Answer::Changed(report.done()))
    }

    async fn plan_mkdir(
        &self,
        spot: &Spot,
        parents: bool,
        new: &mut NewFolders,
        lines: &mut Plan,
    ) -> Result<()> {
        let mut parent = NodeId::ROOT;
        let names = &spot.path.components;
        let last = names.len().saturating_sub(1);
        if names.is_empty() && !parents {
            return Err(conflict("it is there already", &spot.shown));
        }
        for (at, name) in names.iter().enumerate() {
            let so_far = spot.shown_up_to(at + 1);
            let place = names.get(..=at).unwrap_or_default();
            let existing = match new.at.get(place) {
                Some(node) => Some((*node, true)),
                // Nothing is in the drive yet below what is new.
                None if new.nodes.contains(&parent) => None,
                None => self
                    .find_node(&spot.journal, place)
                    .await?
                    .map(|row| (row.node, is_folder(&row))),
            };
            match existing {
                Some((node, true)) if at < last || parents => parent = node,
                Some(_) => return Err(conflict("it is there already", &so_far)),
                None if at < last && !parents => {
                    return Err(usage(
                        "the folder above does not exist",
                        &so_far,
                        "crannog mkdir -p makes it too",
                    ));
                }
                None => {
                    check_name(name, &so_far)?;
                    parent = new.make(parent, place);
                    lines.line("mkdir", &so_far.to_string());
                }
            }
        }
        Ok(())
    }

    /// Where a command's last argument points: an existing folder (then names are kept), or a new name in one.
    pub(crate) async fn place(&self, to: &Spot, many: bool) -> Result<Place> {
        let shown = &to.shown;
        to.refuse_reader()?;
        let place = |parent, parent_path, name| Place {
            journal: Arc::clone(&to.journal),
            way: to.way.clone(),
            parent,
            parent_path,
            name,
            shown_name: shown.name().map(str::to_owned),
        };
        if let Some(seen) = &to.seen {
            if is_folder(&seen.row) {
                return Ok(place(seen.row.node, shown.to_string(), None));
            }
            if many || shown.trailing_slash {
                return Err(usage(
                    "the target is not a folder",
                    shown,
                    "give a folder that exists",
                ));
            }
        } else if many || shown.trailing_slash {
            return Err(usage(
                "the target folder does not exist",
                shown,
                "crannog mkdir -p makes it",
            ));
        }
        let Some((name, above)) = to.path.components.split_last() else {
            return Err(not_found(shown));
        };
        let shown_above = to.shown_up_to(above.len());
        let parent = self
            .find_node(&to.journal, above)
            .await?
            .ok_or_else(|| not_found(&shown_above))?;
        if !is_folder(&parent) {
            return Err(usage(
                "what is above the target is not a folder",
                &shown_above,
                "choose another target",
            ));
        }
        check_name(name, shown)?;
        Ok(place(parent.node, shown_above.to_string(), Some(name.clone())))
    }

    pub(crate) async fn remove(
        self: &Arc<Self>,
        paths: Vec<RemotePath>,
        recursive: bool,
        dry_run: bool,
    ) -> Result<Answer> {
        let mut changed = Changed {
            dry_run,
            ..Changed::default()
        };
        let mut by_drive: HashMap<_, (Arc<Journal>, Vec<DriveOp>)> = HashMap::new();
        for path in paths {
            let spot = self.locate_to_change(&path).await?;
            if spot.seat.is_some() {
                return Err(is_a_share(&path.to_string()));
            }
            let row = spot.row()?;
            self.may_go(row, &path)?;
            spot.refuse_change()?;
            if is_folder(row) {
                if !recursive {
                    return Err(usage(
                        "it is a folder",
                        &path,
                        "crannog rm -r removes it with all that it holds (to the trash)",
                    ));
                }
                self.refuse_shares_below(&spot.journal, row.node, &path.to_string())
                    .await?;
                changed.folders += 1;
            } else {
                changed.files += 1;
            }
            changed.plan.push(format!("rm {path}"));
            let trash = DriveOp::Trash { node: row.node };
            by_drive
                .entry(spot.journal.id)
                .or_insert_with(|| (spot.journal, Vec::new()))
                .1
                .push(trash);
        }
        if !dry_run {
            for (journal, ops) in by_drive.into_values() {
                self.apply(&journal, ops).await?;
            }
        }
        Ok(Answer::Changed(changed))
    }

    pub(crate) fn may_go(&self, row: &NodeRow, path: &RemotePath) -> Result<()> {
        if is_fixed(row) {
            Err(usage(
                "this folder always is",
                path,
                "remove what it holds instead",
            ))
        } else {
            Ok(())
        }
    }
}

pub(crate) fn check_name(name: &str, path: &RemotePath) -> Result<()> {
    crannog_core::drive::check_name(name).map_err(|error| {
        Failure::new(Code::Usage, error.to_string())
            .object(path.to_string())
            .into()
    })
}
