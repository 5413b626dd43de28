//! Looking: list, stat, find, usage. All local.

use std::sync::Arc;

use crannog_agent_api::answer::{NodeInfo, NodeKind, UsageRow};
use crannog_agent_api::request::Only;
use crannog_agent_api::{Answer, Code, Failure, RemotePath};

use super::find::Matcher;
use super::is_folder;
use super::room::Room;
use crate::db::{DbError, Met, NodeRow, RowKind, Seen};
use crate::error::Result;
use crate::shared::Shared;

pub(crate) fn info(row: &NodeRow, path: String) -> NodeInfo {
    let (kind, size, target) = match &row.kind {
        RowKind::Directory => (NodeKind::Dir, 0, None),
        RowKind::File { size, .. } => (NodeKind::File, *size, None),
        RowKind::Symlink(target) => (
            NodeKind::Link,
            0,
            Some(String::from_utf8_lossy(target).into_owned()),
        ),
    };
    NodeInfo {
        path,
        kind,
        size,
        mtime_s: row.attrs.mtime_s,
        mtime_ns: row.attrs.mtime_ns,
        mode: row.attrs.mode,
        versions: row.versions,
        target,
        id: row.node.to_string(),
    }
}

/// At a mount point it is the share; a folder's id there is that of the mount point.
fn seen_info(seen: &Seen, path: String) -> NodeInfo {
    let mut info = info(&seen.row, path);
    if let Some(seat) = seen.seat.as_ref().filter(|_| is_folder(&seen.row)) {
        info.id = seat.node.to_string();
    }
    info
}

/// A link's target is shown too.
fn target_len(row: &NodeRow) -> usize {
    match &row.kind {
        RowKind::Symlink(target) => target.len(),
        _ => 0,
    }
}

impl Shared {
    pub(crate) async fn list(self: &Arc<Self>, path: RemotePath, recursive: bool) -> Result<Answer> {
        let spot = self.locate(&path).await?;
        let seen = spot.look()?;
        if !is_folder(&seen.row) {
            return Ok(Answer::Nodes(vec![seen_info(&seen, seen.row.name.clone())]));
        }
        let nodes = self.with_forest(&spot.mounts, move |forest| {
            let (mut nodes, mut room) = (Vec::new(), Room::new());
            let mut add = |seen: &Seen, path: String| -> Result<(), DbError> {
                room.take(path.len() + target_len(&seen.row))?;
                nodes.push(seen_info(seen, path));
                Ok(())
            };
            if recursive {
                forest.walk(seen, &mut |met: Met| match met.names.is_empty() {
                    true => Ok(()),
                    false => add(&met.seen, met.names.path()),
                })?;
            } else {
                let mut folder = forest.open(&seen);
                while let Some(child) = forest.next(&mut folder)? {
                    add(&child, child.row.name.clone())?;
                }
            }
            Ok(nodes)
        });
        Ok(Answer::Nodes(nodes.await?))
    }

    pub(crate) async fn stat(self: &Arc<Self>, path: RemotePath) -> Result<Answer> {
        let seen = self.locate(&path).await?.look()?;
        Ok(Answer::Node(seen_info(&seen, path.to_string())))
    }

    /// By name, as a glob over the last component; a pattern without `*`, `?`, `[` or `{` matches anywhere in a name, and case does not count.
    pub(crate) async fn find(
        self: &Arc<Self>,
        path: RemotePath,
        pattern: String,
        only: Only,
    ) -> Result<Answer> {
        let spot = self.locate(&path).await?;
        let seen = spot.look()?;
        let matcher = Matcher::new(&pattern, only).map_err(|error| {
            Failure::new(Code::Usage, error.to_string())
                .object(pattern)
                .hint("for example: crannog find / '*.jpg'")
        })?;
        let base = path.to_string();
        let nodes = self.with_forest(&spot.mounts, move |forest| {
            let (mut nodes, mut room) = (Vec::new(), Room::new());
            let mut each = |met: Met| -> Result<(), DbError> {
                if met
                    .names
                    .last()
                    .is_some_and(|name| matcher.finds(name, &met.seen.row))
                {
                    let path = crate::transfer::join_path(&base, &met.names.path());
                    room.take(path.len() + target_len(&met.seen.row))?;
                    nodes.push(seen_info(&met.seen, path));
                }
                Ok(())
            };
            forest.search(&seen, matcher.text(), &mut each)?;
            // Folders before what they hold, siblings by name.
            nodes.sort_by(|one, other| one.path.split('/').cmp(other.path.split('/')));
            Ok(nodes)
        });
        Ok(Answer::Nodes(nodes.await?))
    }

    /// Of a folder: one row for each folder directly below, then itself.
    pub(crate) async fn usage(self: &Arc<Self>, path: RemotePath) -> Result<Answer> {
        let spot = self.locate(&path).await?;
        let seen = spot.look()?;
        let rows = self.with_forest(&spot.mounts, move |forest| {
            let (mut rows, mut room) = (Vec::new(), Room::new());
            let mut folder = forest.open(&seen);
            while let Some(child) = forest.next(&mut folder)? {
                if is_folder(&child.row) {
                    room.take(child.row.name.len())?;
                    rows.push((path.join(&child.row.name), forest.totals(&child)?));
                }
            }
            rows.push((path, forest.totals(&seen)?));
            Ok(rows)
        });
        let usage = |(path, totals): (RemotePath, crate::db::UsageTotals)| UsageRow {
            path,
            files: totals.files,
            bytes: totals.bytes,
            old_bytes: totals.old_bytes,
        };
        Ok(Answer::Usage(rows.await?.into_iter().map(usage).collect()))
    }
}
