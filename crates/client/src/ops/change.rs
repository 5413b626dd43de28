//! Changes without content: mkdir, mv, rm.

use std::collections::HashMap;
use std::sync::Arc;

use crannog_agent_api::answer::Changed;
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::drive::{Attrs, DriveOp, NewNode, NodeId};

use super::{conflict, is_fixed, is_folder, not_found, usage};
use crate::clock;
use crate::db::NodeRow;
use crate::error::Result;
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::fresh_node;

/// Where something goes: a folder, and the name there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) parent: NodeId,
    pub(crate) parent_path: String,
    /// `None`: into the folder, under the source's own name.
    pub(crate) name: Option<String>,
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
    pub(crate) async fn mkdir(
        self: &Arc<Self>,
        paths: Vec<RemotePath>,
        parents: bool,
        dry_run: bool,
    ) -> Result<Answer> {
        let mut changed = Changed {
            dry_run,
            ..Changed::default()
        };
        for path in paths {
            let journal = self.open_to_change(path.drive.as_deref()).await?;
            let (ops, lines) = self.plan_mkdir(&journal, &path, parents).await?;
            changed.folders += ops.len() as u64;
            changed.plan.extend(lines);
            if !dry_run && !ops.is_empty() {
                self.apply(&journal, ops).await?;
            }
        }
        Ok(Answer::Changed(changed))
    }

    async fn plan_mkdir(
        &self,
        journal: &Journal,
        path: &RemotePath,
        parents: bool,
    ) -> Result<(Vec<DriveOp>, Vec<String>)> {
        let (mut parent, mut ops, mut lines) = (NodeId::ROOT, Vec::new(), Vec::new());
        let last = path.components.len().saturating_sub(1);
        if path.components.is_empty() && !parents {
            return Err(conflict("it is there already", path));
        }
        for (at, name) in path.components.iter().enumerate() {
            let so_far = RemotePath {
                drive: path.drive.clone(),
                components: path.components.iter().take(at + 1).cloned().collect(),
                trailing_slash: false,
            };
            let existing = if ops.is_empty() {
                self.find_node(journal, &so_far).await?
            } else {
                None
            };
            match existing {
                Some(row) if is_folder(&row) && (at < last || parents) => parent = row.node,
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
                    let node = fresh_node();
                    ops.push(DriveOp::Create {
                        node,
                        parent,
                        name: name.clone(),
                        attrs: now_attrs(0o755),
                        new: NewNode::Directory,
                    });
                    lines.push(format!("mkdir {so_far}"));
                    parent = node;
                }
            }
        }
        Ok((ops, lines))
    }

    /// Where a command's last argument points: an existing folder (then names are kept), or a new name in one.
    pub(crate) async fn place(&self, journal: &Journal, to: &RemotePath, many: bool) -> Result<Place> {
        if let Some(row) = self.find_node(journal, to).await? {
            if is_folder(&row) {
                return Ok(Place {
                    parent: row.node,
                    parent_path: to.to_string(),
                    name: None,
                });
            }
            if many || to.trailing_slash {
                return Err(usage(
                    "the target is not a folder",
                    to,
                    "give a folder that exists",
                ));
            }
        } else if many || to.trailing_slash {
            return Err(usage(
                "the target folder does not exist",
                to,
                "crannog mkdir -p makes it",
            ));
        }
        let Some((name, above)) = to.components.split_last() else {
            return Err(not_found(to));
        };
        let above = RemotePath {
            drive: to.drive.clone(),
            components: above.to_vec(),
            trailing_slash: false,
        };
        let parent = self.node(journal, &above).await?;
        if !is_folder(&parent) {
            return Err(usage(
                "what is above the target is not a folder",
                &above,
                "choose another target",
            ));
        }
        check_name(name, to)?;
        Ok(Place {
            parent: parent.node,
            parent_path: above.to_string(),
            name: Some(name.clone()),
        })
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
            let journal = self.open_to_change(path.drive.as_deref()).await?;
            let row = self.node(&journal, &path).await?;
            self.may_go(&row, &path)?;
            if is_folder(&row) {
                if !recursive {
                    return Err(usage(
                        "it is a folder",
                        &path,
                        "crannog rm -r removes it with all that it holds (to the trash)",
                    ));
                }
                changed.folders += 1;
            } else {
                changed.files += 1;
            }
            changed.plan.push(format!("rm {path}"));
            by_drive
                .entry(journal.id)
                .or_insert_with(|| (journal, Vec::new()))
                .1
                .push(DriveOp::Trash { node: row.node });
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
