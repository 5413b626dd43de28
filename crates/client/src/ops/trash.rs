//! The trash: list, restore, empty. Emptying drops blobs that nothing else names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crannog_agent_api::answer::{Changed, TrashInfo};
use crannog_agent_api::{Answer, Code, Failure};
use crannog_core::content::{Chunks, Content};
use crannog_core::drive::{DriveBatch, DriveOp, NodeId, VersionId};
use crannog_core::journal::Content as EntryContent;
use crannog_proto::BlobId;

use super::look::info;
use crate::db::{DbError, NodeRow};
use crate::error::Result;
use crate::journal::{Draft, Journal};
use crate::shared::Shared;
use crate::transfer::Fetcher;

impl Shared {
    pub(crate) async fn trash_list(self: &Arc<Self>, drive: Option<String>) -> Result<Answer> {
        let journal = self.open_drive(drive.as_deref()).await?;
        let rows = self.with_drive(&journal, |drive| {
            let trash = drive.trash()?;
            trash
                .into_iter()
                .map(|(row, names)| Ok((drive.totals(row.node)?, row, names)))
                .collect::<Result<Vec<_>, DbError>>()
        });
        let entry = |(totals, row, names): (crate::db::UsageTotals, NodeRow, Vec<String>)| TrashInfo {
            id: row.node.to_string(),
            path: format!("/{}", names.join("/")),
            kind: info(&row, String::new()).kind,
            size: totals.bytes,
        };
        Ok(Answer::Trash(rows.await?.into_iter().map(entry).collect()))
    }

    pub(crate) async fn trash_restore(
        self: &Arc<Self>,
        drive: Option<String>,
        items: Vec<String>,
        dry_run: bool,
    ) -> Result<Answer> {
        let journal = self.open_drive(drive.as_deref()).await?;
        let chosen = self.chosen(&journal, &items).await?;
        let plan = chosen.iter().map(|(_, path)| format!("restore {path}")).collect();
        let ops: Vec<DriveOp> = chosen
            .iter()
            .map(|(node, _)| DriveOp::Restore { node: *node })
            .collect();
        let files = ops.len() as u64;
        if !dry_run {
            self.apply(&journal, ops).await?;
        }
        Ok(Answer::Changed(Changed {
            dry_run,
            files,
            plan,
            ..Changed::default()
        }))
    }

    pub(crate) async fn trash_empty(
        self: &Arc<Self>,
        drive: Option<String>,
        items: Vec<String>,
        dry_run: bool,
    ) -> Result<Answer> {
        let journal = self.open_drive(drive.as_deref()).await?;
        let chosen = if items.is_empty() {
            self.all_trash(&journal).await?
        } else {
            self.chosen(&journal, &items).await?
        };
        let plan = chosen.iter().map(|(_, path)| format!("purge {path}")).collect();
        let nodes: Vec<NodeId> = chosen.iter().map(|(node, _)| *node).collect();
        let files = nodes.len() as u64;
        let mut bytes = 0;
        if !dry_run && !nodes.is_empty() {
            bytes = self.purge(&journal, nodes).await?;
        }
        Ok(Answer::Changed(Changed {
            dry_run,
            files,
            bytes,
            plan,
            ..Changed::default()
        }))
    }

    async fn all_trash(&self, journal: &Journal) -> Result<Vec<(NodeId, String)>> {
        let rows = self.with_drive(journal, |drive| drive.trash()).await?;
        Ok(rows
            .into_iter()
            .map(|(row, names)| (row.node, format!("/{}", names.join("/"))))
            .collect())
    }

    /// Items by id or by the path where they were.
    async fn chosen(&self, journal: &Journal, items: &[String]) -> Result<Vec<(NodeId, String)>> {
        let all = self.all_trash(journal).await?;
        let find = |item: &String| {
            let found = all
                .iter()
                .find(|(node, path)| node.to_string() == *item || path == item);
            found.cloned().ok_or_else(|| {
                Failure::new(Code::NotFound, "there is no such thing in the trash")
                    .object(item.clone())
                    .hint("crannog trash list shows ids and paths")
                    .into()
            })
        };
        items.iter().map(find).collect()
    }

    async fn purge(self: &Arc<Self>, journal: &Arc<Journal>, nodes: Vec<NodeId>) -> Result<u64> {
        let wanted = nodes.clone();
        let going = self.with_drive(journal, move |drive| {
            let mut going = Vec::new();
            for node in wanted {
                drive.each_below(node, &mut |below| {
                    going.extend(crannog_core::drive::DriveState::versions(drive, below)?);
                    Ok(())
                })?;
            }
            Ok(going)
        });
        let going: Vec<(VersionId, Content)> = going
            .await?
            .into_iter()
            .map(|version| (version.version, version.content))
            .collect();
        let bytes = going.iter().map(|(_, content)| content.size).sum();
        let drops = self.unreferenced(journal, &going).await?;
        let ops = nodes.into_iter().map(|node| DriveOp::Purge { node }).collect();
        self.drop_with(journal, ops, drops).await?;
        Ok(bytes)
    }

    /// The blobs that nothing names any more once these versions are gone.
    pub(crate) async fn unreferenced(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        going: &[(VersionId, Content)],
    ) -> Result<Vec<BlobId>> {
        let fetcher = Fetcher::new(self, journal);
        let mut counts: BTreeMap<BlobId, u64> = BTreeMap::new();
        for (_, content) in going {
            for blob in crannog_core::content::blobs_of(content) {
                *counts.entry(blob).or_default() += 1;
            }
        }
        let direct = counts.clone();
        let mut drops: BTreeSet<BlobId> = self
            .with_drive(journal, move |drive| {
                let mut free = BTreeSet::new();
                for (blob, count) in direct {
                    if drive.references(&blob)? <= count {
                        free.insert(blob);
                    }
                }
                Ok(free)
            })
            .await?;
        // What lists name counts only through the lists: those of the versions that stay are read too.
        if going
            .iter()
            .any(|(_, content)| matches!(content.chunks, Chunks::Leaves(_)))
        {
            let gone: BTreeSet<VersionId> = going.iter().map(|(version, _)| *version).collect();
            let staying = self.with_drive(journal, move |drive| {
                let mut staying = Vec::new();
                drive.all_versions(&mut |_, version| -> Result<(), DbError> {
                    if !gone.contains(&version.version) {
                        staying.push(version.content);
                    }
                    Ok(())
                })?;
                Ok(staying)
            });
            for (_, content) in going {
                drops.extend(fetcher.all_blobs(content).await?);
            }
            for content in staying.await? {
                let blobs = match content.chunks {
                    Chunks::Leaves(_) => fetcher.all_blobs(&content).await?,
                    Chunks::Inline(_) => crannog_core::content::blobs_of(&content).collect(),
                };
                for blob in blobs {
                    drops.remove(&blob);
                }
            }
        }
        Ok(drops.into_iter().collect())
    }

    pub(crate) async fn drop_with(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        ops: Vec<DriveOp>,
        drops: Vec<BlobId>,
    ) -> Result<()> {
        let mut ops = ops.into_iter().peekable();
        let mut drops = drops.into_iter().peekable();
        while ops.peek().is_some() || drops.peek().is_some() {
            let some: Vec<DriveOp> = ops.by_ref().take(crannog_proto::limits::OPS_MAX).collect();
            // Blobs go with the last operations that named them.
            let dropped = if ops.peek().is_none() {
                drops.by_ref().take(crannog_proto::limits::IDS_MAX).collect()
            } else {
                Vec::new()
            };
            let batch = DriveBatch {
                ops: some,
                filler: Vec::new(),
            };
            let draft = Draft {
                drops: dropped,
                ..Draft::change(EntryContent::Drive(batch))
            };
            self.append(journal, draft).await?;
        }
        Ok(())
    }
}
