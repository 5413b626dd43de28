//! What a share leaves behind: what was copied into it goes from the old drive, for good.

use std::sync::Arc;

use crannog_core::content::Content;
use crannog_core::drive::{DriveOp, DriveState, NodeId, Outcome};

use super::below::{empty, unknown};
use crate::db::Mounts;
use crate::error::Result;
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::fresh_version;

impl Shared {
    /// Trashes and purges everything below a node, and drops the blobs that nobody names any more. Only what the drive `kept` knows goes;
    /// how many nodes it does not know as they are now: copy them, then come again.
    pub(crate) async fn purge_below(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        node: NodeId,
        kept: &Arc<Journal>,
    ) -> Result<u64> {
        let name = self.name_of(&journal.id);
        self.refuse_shares_below(journal, node, &name).await?;
        let children = self.with_drive(journal, move |drive| drive.list(node)).await?;
        let children: Vec<NodeId> = children.into_iter().map(|row| row.node).collect();
        let (sure, left) = self.sort_out(journal, kept, children).await?;
        if sure.is_empty() {
            return Ok(left);
        }
        let trash = sure.iter().map(|node| DriveOp::Trash { node: *node }).collect();
        self.apply(journal, trash).await?;
        // From here on nothing below changes: what others write to it lands in /Recovered. What they wrote just before is looked for.
        let trashed = sure.clone();
        let (sure, late) = self.sort_out(journal, kept, sure).await?;
        if late > 0 {
            let back = trashed.into_iter().filter(|node| !sure.contains(node));
            self.apply(journal, back.map(|node| DriveOp::Restore { node }).collect())
                .await?;
        }
        if !sure.is_empty() {
            self.purge(journal, sure).await?;
        }
        Ok(left + late)
    }

    /// The nodes that another drive knows with all below them, and how many of the others it does not.
    async fn sort_out(
        &self,
        journal: &Journal,
        kept: &Journal,
        nodes: Vec<NodeId>,
    ) -> Result<(Vec<NodeId>, u64)> {
        let (from, to) = (journal.row, kept.row);
        self.with_forest(&Arc::new(Mounts::default()), move |forest| {
            let (mut sure, mut left) = (Vec::new(), 0);
            for node in nodes {
                match unknown(forest, from, to, node)? {
                    0 => sure.push(node),
                    count => left += count,
                }
            }
            Ok((sure, left))
        })
        .await
    }

    /// Leaves of a file an empty version alone, and drops the blobs that nobody names any more. 1 if `kept` does not know the current
    /// version: copy it, then come again.
    pub(crate) async fn empty_file(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        node: NodeId,
        kept: &Arc<Journal>,
    ) -> Result<u64> {
        let versions = self
            .with_drive(journal, move |drive| drive.versions(node))
            .await?;
        let Some(current) = versions.last() else {
            return Ok(0);
        };
        if current.content.size > 0 {
            if self.sort_out(journal, kept, vec![node]).await?.1 > 0 {
                return Ok(1);
            }
            let write = DriveOp::Write {
                node,
                base: current.version,
                version: fresh_version(),
                attrs: current.attrs,
                content: empty(),
            };
            let applied = self.apply(journal, vec![write]).await?;
            let beside = applied.iter().find_map(|applied| match &applied.outcome {
                Outcome::Conflict(landing) | Outcome::Recovered(landing) => Some(landing.node),
                _ => None,
            });
            if let Some(beside) = beside {
                // Another version came first: the empty one that stands beside it is nobody's.
                self.apply(journal, vec![DriveOp::Trash { node: beside }]).await?;
                self.purge(journal, vec![beside]).await?;
                return Ok(1);
            }
        }
        let old: Vec<_> = versions
            .into_iter()
            .filter(|version| version.content.size > 0)
            .collect();
        if old.is_empty() {
            return Ok(0);
        }
        let ops = old.iter().map(|version| DriveOp::PurgeVersion {
            node,
            version: version.version,
        });
        self.apply(journal, ops.collect()).await?;
        let gone: Vec<Content> = old.into_iter().map(|version| version.content).collect();
        self.drop_unnamed(journal, gone).await?;
        Ok(0)
    }
}
