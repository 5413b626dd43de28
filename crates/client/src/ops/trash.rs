//! The trash: list, restore, empty. Emptying drops blobs that nothing else names.

use std::collections::BTreeSet;
use std::sync::Arc;

use crannog_agent_api::answer::{Changed, TrashInfo};
use crannog_agent_api::{Answer, Code, Failure};
use crannog_core::content::{Chunks, Content};
use crannog_core::drive::{DriveBatch, DriveOp, NodeId};
use crannog_core::journal::{Content as EntryContent, JournalState};
use crannog_proto::BlobId;

use super::look::info;
use crate::db::{DbError, NodeRow};
use crate::error::{Error, Result};
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
        let journal = self.open_to_change(drive.as_deref()).await?;
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
        let journal = self.open_to_change(drive.as_deref()).await?;
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
        let going: Vec<Content> = going.await?.into_iter().map(|version| version.content).collect();
        let bytes = going.iter().map(|content| content.size).sum();
        let ops = nodes.into_iter().map(|node| DriveOp::Purge { node }).collect();
        // The blobs go only when it is certain what the purge did: another device may have restored something meanwhile, and a
        // restore adds no blobs that would hold up a drop.
        self.apply(journal, ops).await?;
        self.ensure_current_members(journal).await?;
        let state = journal.state();
        let drops = self.unreferenced(journal, going).await?;
        self.drop_blobs(journal, &state, &drops).await?;
        Ok(bytes)
    }

    /// The blobs of these contents that no version names, as the drive is now.
    async fn unreferenced(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        gone: Vec<Content>,
    ) -> Result<Vec<BlobId>> {
        let fetcher = Fetcher::new(self, journal);
        let mut free = BTreeSet::new();
        for content in &gone {
            free.extend(crannog_core::content::blobs_of(content));
            match fetcher.all_blobs(content).await {
                Ok(blobs) => free.extend(blobs),
                // A list that the server lost holds up nothing else.
                Err(Error::Lied { check, object }) => {
                    tracing::warn!(%check, object, "a list of what was purged")
                }
                Err(error) => return Err(error),
            }
        }
        let free = self.with_drive(journal, move |drive| {
            let (mut unnamed, mut lists) = (BTreeSet::new(), Vec::new());
            for blob in free {
                if drive.references(&blob)? == 0 {
                    unnamed.insert(blob);
                }
            }
            if !unnamed.is_empty() {
                drive.all_versions(&mut |_, version| -> Result<(), DbError> {
                    if matches!(version.content.chunks, Chunks::Leaves(_)) {
                        lists.push(version.content);
                    }
                    Ok(())
                })?;
            }
            Ok((unnamed, lists))
        });
        // What a list names is counted nowhere: the lists that stay are read, whatever kind of file has gone.
        let (mut unnamed, lists) = free.await?;
        for content in lists {
            for blob in fetcher.all_blobs(&content).await? {
                unnamed.remove(&blob);
            }
        }
        Ok(unnamed.into_iter().collect())
    }

    /// Drops blobs that nothing named in this `state`. The entry says that it has seen no more than that, so the server passes over what
    /// a later entry has added again.
    async fn drop_blobs(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        state: &Arc<JournalState>,
        drops: &[BlobId],
    ) -> Result<()> {
        for some in drops.chunks(crannog_proto::limits::IDS_MAX) {
            let draft = Draft {
                drops: some.to_vec(),
                on: Some(Arc::clone(state)),
                ..Draft::change(EntryContent::Drive(DriveBatch::default()))
            };
            self.append(journal, draft).await?;
        }
        Ok(())
    }
}
