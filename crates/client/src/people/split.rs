//! A folder or file becomes a drive of its own: copied, mounted, then dropped where it was (`docs/spec/membership.md`, Sharing).
//! Every step can be repeated; until the mount stands, the folder is where it was.

use std::sync::Arc;

use crannog_agent_api::RemotePath;
use crannog_core::drive::NodeId;
use crannog_core::identity::HomeOp;
use crannog_core::journal::{Member, Role};
use crannog_proto::AccountId;

use crate::background::stays_behind;
use crate::engine::Caller;
use crate::error::Result;
use crate::journal::Journal;
use crate::ops::{Spot, is_folder, not_found};
use crate::shared::Shared;
use crate::transfer::Report;

impl Shared {
    /// Whether a share of this path was begun and interrupted.
    pub(super) async fn begun_at(self: &Arc<Self>, path: &RemotePath) -> Result<bool> {
        let spot = self.locate(path).await?;
        let from = origin(&spot);
        Ok(from.is_some_and(|(source, node)| self.begun(&source, node).is_some()))
    }

    fn begun(&self, source: &Journal, node: NodeId) -> Option<Arc<Journal>> {
        let home = self.home();
        let mut sharing = home.sharing();
        let begun = sharing.find(|(_, drive, at)| *drive == source.id && *at == node);
        begun.and_then(|(journal, ..)| self.journal(&journal))
    }

    /// Makes a drive of what is at a path, or finishes making one, with everybody in it who is in the share in which it lies; `new` is
    /// invited by whoever calls.
    pub(super) async fn split_off(
        self: &Arc<Self>,
        path: &RemotePath,
        new: &AccountId,
        caller: &Caller,
    ) -> Result<Arc<Journal>> {
        // One at a time: another command for the same folder finds what this one made.
        let _splitting = self.splitting.lock().await;
        let spot = self.locate_to_change(path).await?;
        let name = spot.look()?.row.name.clone();
        let (source, node) = origin(&spot).ok_or_else(|| not_found(path))?;
        let journal = match self.begun(&source, node) {
            Some(journal) => journal,
            None if spot.seat.is_some() => return Ok(spot.journal),
            None => {
                self.refuse_shares_below(&source, node, &path.to_string()).await?;
                self.refuse_changed_roots(&source.state())?;
                self.begin(&source, node, &name).await?
            }
        };
        self.copy_over(&journal, &source, node, caller).await?;
        let (drive, id) = (source.id, journal.id);
        if self.home().mount(&id) != Some(&(drive, node)) {
            let mount = HomeOp::Mount {
                journal: id,
                drive,
                node,
            };
            self.append_home(vec![mount]).await?;
        }
        self.take_in_outer(&journal, &source, new, caller).await?;
        let done = HomeOp::Sharing {
            journal: id,
            drive,
            node,
            done: true,
        };
        self.append_home(vec![done]).await?;
        self.clear_mount_point(&journal, &source, node, caller).await?;
        Ok(journal)
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

    /// What another device, or an interrupted `share`, left below a mount point goes into the share. What stops one stops no other.
    pub(crate) async fn settle_mounts(self: &Arc<Self>) -> Result<()> {
        let _splitting = self.splitting.lock().await;
        let home = self.home();
        for (journal, drive, node) in home.mounts() {
            // A share that was begun and not finished is: by the same command.
            if home.sharing().any(|(begun, ..)| begun == journal) {
                continue;
            }
            let (Some(journal), Some(outer)) = (self.journal(&journal), self.journal(&drive)) else {
                continue;
            };
            if let Err(error) = self.settle_mount(&journal, &outer, node).await {
                stays_behind(&self.name_of(&journal.id), error)?;
            }
        }
        Ok(())
    }

    async fn settle_mount(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        outer: &Arc<Journal>,
        node: NodeId,
    ) -> Result<()> {
        let may = |journal: &Journal| {
            let state = journal.state();
            !state.is_removed() && !state.is_closed() && state.role() >= Some(Role::Writer)
        };
        if !may(journal) || !may(outer) || !has_all_authors_of(outer, journal) {
            return Ok(());
        }
        if !self.holds_strays(outer, node).await? {
            return Ok(());
        }
        let caller = Caller::unheard();
        self.copy_over(journal, outer, node, &caller).await?;
        self.clear_mount_point(journal, outer, node, &caller).await
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

/// Where what a path names lay before it was a share, or lies now: the drive and the node.
fn origin(spot: &Spot) -> Option<(Arc<Journal>, NodeId)> {
    match (&spot.seat, &spot.seen) {
        (Some(seat), _) => Some((Arc::clone(&seat.journal), seat.row.node)),
        (None, Some(seen)) => Some((Arc::clone(&spot.journal), seen.row.node)),
        (None, None) => None,
    }
}

/// Whoever could have put something into `outer` may put it into `inner` too. Else what somebody put there for the people of `outer` would
/// go to others, or come from somebody who has no right to it.
fn has_all_authors_of(outer: &Journal, inner: &Journal) -> bool {
    let (outer, inner) = (outer.state(), inner.state());
    let inside = |author: &Member| {
        let mut members = inner.members().iter();
        let as_much = author.role.min(Role::Writer);
        members.any(|member| member.account == author.account && member.role >= as_much)
    };
    let mut authors = outer
        .members()
        .iter()
        .filter(|member| member.role >= Role::Append);
    authors.all(inside)
}
