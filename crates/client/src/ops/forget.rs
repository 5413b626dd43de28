//! Old versions go for good, with the blobs that nothing else names.

use std::sync::Arc;

use crannog_agent_api::{Answer, RemotePath};
use crannog_core::content::Content;
use crannog_core::drive::{DriveOp, DriveState, NodeId, Version};
use crannog_proto::limits;

use super::room::Room;
use super::{is_folder, usage};
use crate::db::{DbError, Met, RowKind};
use crate::engine::Caller;
use crate::error::Result;
use crate::shared::Shared;
use crate::transfer::{Report, join_path};

/// Which old versions go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Which {
    /// Of all files below a folder.
    pub(crate) recursive: bool,
    /// Made before this time.
    pub(crate) before: Option<i64>,
    /// So many of each file stay.
    pub(crate) keep: u32,
}

impl Which {
    /// Of a file's versions, oldest first with the current one at the end, those that go.
    fn of(self, mut versions: Vec<Version>) -> Vec<Version> {
        let stay = usize::try_from(self.keep).unwrap_or(usize::MAX).saturating_add(1);
        versions.truncate(versions.len().saturating_sub(stay));
        versions.retain(|version| self.before.is_none_or(|before| version.time < before));
        versions
    }
}

/// What goes of one file.
struct Going {
    node: NodeId,
    path: String,
    versions: Vec<Version>,
}

impl Shared {
    pub(crate) async fn forget(
        self: &Arc<Self>,
        path: RemotePath,
        which: Which,
        dry_run: bool,
        caller: &Caller,
    ) -> Result<Answer> {
        let spot = self.locate_to_change(&path).await?;
        spot.refuse_change()?;
        let seen = spot.seen()?.clone();
        if is_folder(&seen.row) && !which.recursive {
            return Err(usage(
                "it is a folder",
                &path,
                "crannog forget -r takes all files below it",
            ));
        }
        let base = path.to_string();
        // Of shares inside it each is told by itself: what is old there is everybody's.
        let going = self.with_forest(&spot.mounts, move |forest| {
            let store = forest.store(seen.drive());
            let (mut all, mut room) = (Vec::new(), Room::new());
            forest.walk_one(seen, &mut |met: Met| -> Result<(), DbError> {
                if met.is_share() || !matches!(met.seen.row.kind, RowKind::File { .. }) {
                    return Ok(());
                }
                let node = met.seen.row.node;
                let versions = which.of(store.versions(node)?);
                if !versions.is_empty() {
                    let path = join_path(&base, &met.names.path());
                    room.take(path.len())?;
                    all.push(Going { node, path, versions });
                }
                Ok(())
            })?;
            Ok(all)
        });
        let mut report = Report::new(caller, "deleting", dry_run);
        let (mut ops, mut gone) = (Vec::new(), Vec::new());
        for file in going.await? {
            report.check_cancel()?;
            report.line(
                "forget",
                &format!("{} of {}", versions(file.versions.len()), file.path),
            );
            report.changed.files += 1;
            for version in file.versions {
                report.changed.bytes += version.content.size;
                ops.push(DriveOp::PurgeVersion {
                    node: file.node,
                    version: version.version,
                });
                gone.push(version.content);
            }
            if ops.len() >= limits::OPS_MAX / 2 && !dry_run {
                self.forget_some(&spot.journal, &mut ops, &mut gone).await?;
            }
        }
        if !dry_run && !ops.is_empty() {
            self.forget_some(&spot.journal, &mut ops, &mut gone).await?;
        }
        Ok(Answer::Changed(report.done()))
    }

    async fn forget_some(
        self: &Arc<Self>,
        journal: &Arc<crate::journal::Journal>,
        ops: &mut Vec<DriveOp>,
        gone: &mut Vec<Content>,
    ) -> Result<()> {
        for some in std::mem::take(ops).chunks(limits::OPS_MAX) {
            self.apply(journal, some.to_vec()).await?;
        }
        self.drop_unnamed(journal, std::mem::take(gone)).await
    }
}

fn versions(count: usize) -> String {
    match count {
        1 => "1 version".to_owned(),
        more => format!("{more} versions"),
    }
}
