//! What a share begins with: nodes copied into its drive, as they are now, as often as it takes until nothing is left.

use std::sync::Arc;

use crannog_core::content::{Chunks, Content};
use crannog_core::drive::{DriveState, NodeId, Version, VersionId};

use super::carry::{Aim, Item, Need};
use crate::db::{DbError, DriveStore, Forest, Met, Names, NodeRow, RowKind, Seen, Way};
use crate::error::Result;
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::{Report, fresh_node, fresh_version};

impl Shared {
    /// Copies everything live below `node` of one drive, current versions alone, to below `under` of another; how many nodes it had to
    /// copy, 0 when nothing was left. With `keep_ids` nodes and versions keep their ids, and what the target knows already (also in its
    /// trash, also gone) is not copied again; a newer version of a known file is written on top of the newest that the target knows. Of
    /// mount points below only an empty folder or file is made.
    pub(crate) async fn copy_below(
        self: &Arc<Self>,
        source: &Arc<Journal>,
        node: NodeId,
        target: &Arc<Journal>,
        under: NodeId,
        keep_ids: bool,
        report: &mut Report<'_>,
    ) -> Result<u64> {
        let (from, to, mounts) = (source.row, target.row, Arc::new(self.mounts().await?));
        let items = self.with_forest(&mounts, move |forest| {
            let Some(top) = top(forest, from, node)? else {
                return Ok(Vec::new());
            };
            let mut items = Vec::new();
            forest.walk_one(top, &mut |met: Met| -> Result<(), DbError> {
                if !met.names.is_empty() {
                    items.extend(item(forest, from, to, met, keep_ids)?);
                }
                Ok(())
            })?;
            Ok(items)
        });
        let aim = Aim {
            journal: target,
            under,
            top: None,
            path: "/",
            verb: "cp",
        };
        self.carry(source, aim, items.await?, report).await
    }

    /// The same for one file, into the top of another drive. A mount point that is empty has nothing to copy.
    pub(crate) async fn copy_file_into(
        self: &Arc<Self>,
        source: &Arc<Journal>,
        node: NodeId,
        target: &Arc<Journal>,
        keep_ids: bool,
        report: &mut Report<'_>,
    ) -> Result<u64> {
        let (from, to, mounts) = (source.row, target.row, Arc::new(self.mounts().await?));
        let is_mount = mounts.is_mount(from, node);
        let items = self.with_forest(&mounts, move |forest| {
            let seen = top(forest, from, node)?;
            let wanted = seen.filter(|seen| match seen.row.kind {
                RowKind::File { size, .. } => size > 0 || !is_mount,
                _ => false,
            });
            let met = |seen: Seen| Met {
                names: Names::default().with(&seen.row.name),
                seen,
            };
            match wanted.map(met) {
                Some(met) => item(forest, from, to, met, keep_ids),
                None => Ok(None),
            }
        });
        let aim = Aim {
            journal: target,
            under: NodeId::ROOT,
            top: None,
            path: "/",
            verb: "cp",
        };
        self.carry(source, aim, items.await?.into_iter().collect(), report)
            .await
    }
}

fn top(forest: &Forest<'_>, drive: i64, node: NodeId) -> Result<Option<Seen>, DbError> {
    let store = forest.store(drive);
    if !crannog_core::drive::is_live(&store, node)? {
        return Ok(None);
    }
    let seen = |row| Seen {
        way: Way::from([drive]),
        row,
        seat: None,
    };
    Ok(store.row(node)?.map(seen))
}

fn item(forest: &Forest<'_>, from: i64, to: i64, met: Met, keep_ids: bool) -> Result<Option<Item>, DbError> {
    let (source, target) = (forest.store(from), forest.store(to));
    let share = met.is_share();
    let row = met.seen.seat.unwrap_or(met.seen.row);
    let versions = source.versions(row.node)?;
    let need = match keep_ids {
        true => need(&target, &row, &versions, share)?,
        false => Need::Create,
    };
    let version = versions.into_iter().next_back().map(|version| {
        let id = if keep_ids {
            version.version
        } else {
            fresh_version()
        };
        (if share { emptied(version) } else { version }, id)
    });
    if version.is_none() && matches!(row.kind, RowKind::File { .. }) {
        return Ok(None);
    }
    Ok(Some(Item {
        names: met.names,
        node: if keep_ids { row.node } else { fresh_node() },
        row,
        version,
        need,
    }))
}

fn emptied(version: Version) -> Version {
    Version {
        content: empty(),
        ..version
    }
}

/// The content of an empty file.
pub(super) fn empty() -> Content {
    Content {
        size: 0,
        chunks: Chunks::Inline(Vec::new()),
    }
}

/// What the target needs of a node that has the same id there.
fn need(target: &DriveStore<'_>, row: &NodeRow, versions: &[Version], share: bool) -> Result<Need, DbError> {
    let fixed = row.node == NodeId::ROOT || row.node == NodeId::RECOVERED;
    if fixed || target.gone(row.node)?.is_some() {
        return Ok(Need::Nothing);
    }
    if target.head(row.node)?.is_none() {
        return Ok(Need::Create);
    }
    let Some((current, before)) = versions.split_last().filter(|_| !share) else {
        return Ok(Need::Nothing);
    };
    if knows_version(target, row.node, current.version)? {
        return Ok(Need::Nothing);
    }
    let previous = before.last().unwrap_or(current).version;
    let mut base = previous;
    for version in before.iter().rev() {
        if target.has_version(row.node, version.version)? {
            base = version.version;
            break;
        }
    }
    Ok(Need::Write { base })
}

/// Whether a version arrived, in its file or (after a conflict) beside it.
fn knows_version(target: &DriveStore<'_>, node: NodeId, version: VersionId) -> Result<bool, DbError> {
    let beside = NodeId(version.0);
    Ok(
        target.has_version(node, version)?
            || target.head(beside)?.is_some()
            || target.gone(beside)?.is_some(),
    )
}

/// The nodes at and below one that a drive does not know as they are now.
pub(super) fn unknown(forest: &Forest<'_>, from: i64, kept: i64, node: NodeId) -> Result<u64, DbError> {
    let (source, target) = (forest.store(from), forest.store(kept));
    let Some(row) = source.row(node)? else {
        return Ok(0);
    };
    let mut count = 0;
    source.walk(row, &mut |row: NodeRow| -> Result<(), DbError> {
        let versions = source.versions(row.node)?;
        if need(&target, &row, &versions, false)? != Need::Nothing {
            count += 1;
        }
        Ok(())
    })?;
    Ok(count)
}
