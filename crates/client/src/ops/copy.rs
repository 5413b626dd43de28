//! Copies and moves: no byte of content is sent, the same blobs are named again.

use std::collections::HashMap;
use std::sync::Arc;

use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::drive::{DriveOp, NewNode, NodeId, VersionId};

use super::change::Place;
use super::{is_folder, usage};
use crate::clock;
use crate::db::{DbError, NodeRow, RowKind, Walked};
use crate::engine::Caller;
use crate::error::Result;
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::{Batch, Fetcher, Report, fresh_node};

impl Shared {
    pub(crate) async fn copy(
        self: &Arc<Self>,
        from: Vec<RemotePath>,
        to: RemotePath,
        recursive: bool,
        dry_run: bool,
        caller: &Caller,
    ) -> Result<Answer> {
        let target = self.open_to_change(to.drive.as_deref()).await?;
        let place = self.place(&target, &to, from.len() > 1).await?;
        let mut report = Report::new(caller, "copying", dry_run);
        for path in from {
            let source = self.open_drive(path.drive.as_deref()).await?;
            let row = self.node(&source, &path).await?;
            if is_folder(&row) && !recursive {
                return Err(usage(
                    "it is a folder",
                    &path,
                    "crannog cp -r copies it with all that it holds",
                ));
            }
            self.copy_tree(&source, row, &path, &target, &place, &mut report)
                .await?;
        }
        Ok(Answer::Changed(report.done()))
    }

    async fn copy_tree(
        self: &Arc<Self>,
        source: &Arc<Journal>,
        row: NodeRow,
        path: &RemotePath,
        target: &Arc<Journal>,
        place: &Place,
        report: &mut Report<'_>,
    ) -> Result<()> {
        let name = landing_name(place, path)?;
        self.refuse_taken(target, place, &name).await?;
        if source.id == target.id && self.is_below(target, row.node, place.parent).await? {
            return Err(usage(
                "a folder cannot be copied into itself",
                path,
                "choose another target",
            ));
        }
        let tree = self.with_drive(source, move |drive| {
            let mut tree = Vec::new();
            drive.walk(row, &mut |walked: Walked| -> Result<(), DbError> {
                let version = match walked.row.kind {
                    RowKind::File { .. } => drive.current(walked.row.node)?,
                    _ => None,
                };
                tree.push((walked, version));
                Ok(())
            })?;
            Ok(tree)
        });
        let fetcher = Fetcher::new(self, source);
        let other = (source.id != target.id).then_some(source);
        let mut made: HashMap<Vec<String>, NodeId> = HashMap::new();
        let mut batch = Batch::new(self, target, &Batch::permits());
        for (walked, version) in tree.await? {
            report.check_cancel()?;
            let parent = match walked.names.split_last() {
                None => place.parent,
                Some((_, above)) => made.get(above).copied().unwrap_or(place.parent),
            };
            let node = fresh_node();
            let own_name = walked.names.last().cloned().unwrap_or_else(|| name.clone());
            let attrs = walked.row.attrs;
            let mut blobs = Vec::new();
            let new = match (walked.row.kind, version) {
                (RowKind::Directory, _) => {
                    made.insert(walked.names.clone(), node);
                    report.changed.folders += 1;
                    NewNode::Directory
                }
                (RowKind::Symlink(target), _) => NewNode::Symlink { target },
                (RowKind::File { .. }, Some(version)) => {
                    blobs = fetcher.all_blobs(&version.content).await?;
                    report.changed.files += 1;
                    NewNode::File {
                        version: VersionId::generate(clock::now_ms(), &mut rand::rng()),
                        content: version.content,
                    }
                }
                (RowKind::File { .. }, None) => continue,
            };
            report.line("cp", &crate::transfer::join_path(&place.parent_path, &own_name));
            batch.op_with(
                DriveOp::Create {
                    node,
                    parent,
                    name: own_name,
                    attrs,
                    new,
                },
                blobs,
                other,
            );
            if batch.is_full_between_files() && !report.changed.dry_run {
                let full = std::mem::replace(&mut batch, Batch::new(self, target, &Batch::permits()));
                full.finish().await?;
            }
        }
        if !report.changed.dry_run && !batch.is_empty() {
            batch.finish().await?;
        }
        Ok(())
    }

    pub(crate) async fn move_to(
        self: &Arc<Self>,
        from: Vec<RemotePath>,
        to: RemotePath,
        dry_run: bool,
        caller: &Caller,
    ) -> Result<Answer> {
        let target = self.open_to_change(to.drive.as_deref()).await?;
        let place = self.place(&target, &to, from.len() > 1).await?;
        let mut report = Report::new(caller, "moving", dry_run);
        for path in from {
            let source = self.open_drive(path.drive.as_deref()).await?;
            let row = self.node(&source, &path).await?;
            self.may_go(&row, &path)?;
            if source.id != target.id {
                let node = row.node;
                self.copy_tree(&source, row, &path, &target, &place, &mut report)
                    .await?;
                if !dry_run {
                    self.apply(&source, vec![DriveOp::Trash { node }]).await?;
                }
                continue;
            }
            let name = landing_name(&place, &path)?;
            self.refuse_taken(&target, &place, &name).await?;
            if self.is_below(&target, row.node, place.parent).await? {
                return Err(usage(
                    "a folder cannot be moved into itself",
                    &path,
                    "choose another target",
                ));
            }
            report.line("mv", &path.to_string());
            report.changed.files += 1;
            if !dry_run {
                self.apply(
                    &target,
                    vec![DriveOp::Move {
                        node: row.node,
                        parent: place.parent,
                        name,
                    }],
                )
                .await?;
            }
        }
        Ok(Answer::Changed(report.done()))
    }

    async fn refuse_taken(&self, target: &Journal, place: &Place, name: &str) -> Result<()> {
        let there = crate::transfer::join_path(&place.parent_path, name);
        let (parent, name) = (place.parent, name.to_owned());
        let taken = self
            .with_drive(target, move |drive| {
                crannog_core::drive::DriveState::child(drive, parent, &name)
            })
            .await?;
        if taken.is_some() {
            Err(Failure::new(Code::Conflict, "the target is there already")
                .object(there)
                .hint("choose another name, or move it away")
                .into())
        } else {
            Ok(())
        }
    }

    /// Whether `folder` is `node` or lies below it.
    async fn is_below(&self, journal: &Journal, node: NodeId, folder: NodeId) -> Result<bool> {
        use crannog_core::drive::{DriveState, MAX_DEPTH};
        self.with_drive(journal, move |drive| {
            let mut at = folder;
            for _ in 0..MAX_DEPTH {
                if at == node {
                    return Ok(true);
                }
                match drive.head(at)? {
                    Some(head) => at = head.parent,
                    None => return Ok(false),
                }
            }
            Ok(false)
        })
        .await
    }
}

fn landing_name(place: &Place, path: &RemotePath) -> Result<String> {
    match place.name.clone().or_else(|| path.name().map(str::to_owned)) {
        Some(name) => Ok(name),
        None => Err(usage(
            "the top of a drive has no name to keep",
            path,
            "give the target a new name",
        )),
    }
}
