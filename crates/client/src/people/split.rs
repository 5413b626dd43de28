//! A folder or file becomes a drive of its own: copied, mounted, then dropped where it was (`docs/spec/membership.md`, Sharing).
//! Every step can be repeated; until the mount stands, the folder is where it was.

use std::sync::Arc;

use crannog_agent_api::RemotePath;
use crannog_core::drive::NodeId;
use crannog_core::identity::HomeOp;
use crannog_core::journal::Role;

use crate::engine::Caller;
use crate::error::Result;
use crate::journal::Journal;
use crate::ops::is_folder;
use crate::shared::Shared;
use crate::transfer::Report;

impl Shared {
    /// Whether a share of this path was begun and interrupted.
    pub(super) async fn begun_at(self: &Arc<Self>, path: &RemotePath) -> Result<bool> {
        let spot = self.locate(path).await?;
        let seen = spot.seen.as_ref();
        Ok(seen.is_some_and(|seen| self.begun(&spot.journal, seen.row.node).is_some()))
    }

    fn begun(&self, source: &Journal, node: NodeId) -> Option<Arc<Journal>> {
        let home = self.home();
        let mut sharing = home.sharing();
        let begun = sharing.find(|(_, drive, at)| *drive == source.id && *at == node);
        begun.and_then(|(journal, ..)| self.journal(&journal))
    }

    /// Makes a drive of what is at a path, or finishes making one. Gives the drive, and the share in which it lies, if it does.
    pub(super) async fn split_off(
        self: &Arc<Self>,
        path: &RemotePath,
        caller: &Caller,
    ) -> Result<(Arc<Journal>, Option<Arc<Journal>>)> {
        let spot = self.locate_to_change(path).await?;
        let row = spot.row()?.clone();
        let source = spot.journal;
        self.refuse_shares_below(&source, row.node, &path.to_string())
            .await?;
        let journal = match self.begun(&source, row.node) {
            Some(journal) => journal,
            None => self.begin(&source, row.node, &row.name).await?,
        };
        self.finish_split(&journal, &source, row.node, caller).await?;
        let outer = (source.state().members().len() > 1).then_some(source);
        Ok((journal, outer))
    }

    async fn begin(self: &Arc<Self>, source: &Journal, node: NodeId, name: &str) -> Result<Arc<Journal>> {
        let drive = source.id;
        let begun = |journal| {
            vec![HomeOp::Sharing {
                journal,
                drive,
                node,
                done: false,
            }]
        };
        let id = self.create_drive_with(&self.free_drive_name(name), begun).await?;
        self.journal(&id)
            .ok_or_else(|| crate::transfer::internal("a drive that home does not show"))
    }

    async fn finish_split(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        source: &Arc<Journal>,
        node: NodeId,
        caller: &Caller,
    ) -> Result<()> {
        let _splitting = self.splitting.lock().await;
        self.copy_over(journal, source, node, caller).await?;
        self.append_home(vec![
            HomeOp::Mount {
                journal: journal.id,
                drive: source.id,
                node,
            },
            HomeOp::Sharing {
                journal: journal.id,
                drive: source.id,
                node,
                done: true,
            },
        ])
        .await?;
        self.clear_mount_point(journal, source, node, caller).await
    }

    /// Copies until nothing is left that has changed since.
    async fn copy_over(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        source: &Arc<Journal>,
        node: NodeId,
        caller: &Caller,
    ) -> Result<()> {
        let row = self.with_drive(source, move |drive| drive.row(node)).await?;
        let folder = row.as_ref().is_none_or(is_folder);
        let mut report = Report::new(caller, "sharing", false);
        loop {
            report.check_cancel()?;
            let copied = if folder {
                self.copy_below(source, node, journal, NodeId::ROOT, true, &mut report)
                    .await?
            } else {
                self.copy_file_into(source, node, journal, true, &mut report)
                    .await?
            };
            if copied == 0 {
                return Ok(());
            }
        }
    }

    /// What another device, or an interrupted `share`, left below a mount point goes into the share.
    pub(crate) async fn settle_mounts(self: &Arc<Self>) -> Result<()> {
        let _splitting = self.splitting.lock().await;
        let home = self.home();
        for (journal, drive, node) in home.mounts() {
            let (Some(journal), Some(outer)) = (self.journal(&journal), self.journal(&drive)) else {
                continue;
            };
            let may = |journal: &Journal| {
                let state = journal.state();
                !state.is_removed() && !state.is_closed() && state.role() >= Some(Role::Writer)
            };
            if !may(&journal) || !may(&outer) || !self.holds_strays(&outer, node).await? {
                continue;
            }
            let caller = Caller::unheard();
            self.copy_over(&journal, &outer, node, &caller).await?;
            self.clear_mount_point(&journal, &outer, node, &caller).await?;
        }
        Ok(())
    }

    async fn holds_strays(&self, outer: &Journal, node: NodeId) -> Result<bool> {
        self.with_drive(outer, move |drive| {
            Ok(match drive.row(node)? {
                Some(row) if is_folder(&row) => !drive.list(node)?.is_empty(),
                Some(row) => matches!(row.kind, crate::db::RowKind::File { size, .. } if size > 0),
                None => false,
            })
        })
        .await
    }

    /// Drops what the share has by now; what came meanwhile is copied first.
    async fn clear_mount_point(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        outer: &Arc<Journal>,
        node: NodeId,
        caller: &Caller,
    ) -> Result<()> {
        loop {
            let row = self.with_drive(outer, move |drive| drive.row(node)).await?;
            let left = match row {
                Some(row) if is_folder(&row) => self.purge_below(outer, node, journal).await?,
                Some(_) => self.empty_file(outer, node, journal).await?,
                None => 0,
            };
            if left == 0 {
                return Ok(());
            }
            self.copy_over(journal, outer, node, caller).await?;
        }
    }
}
