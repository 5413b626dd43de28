//! Looking: list, stat, find, usage. All local.

use std::sync::Arc;

use crannog_agent_api::answer::{NodeInfo, NodeKind, UsageRow};
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use globset::GlobBuilder;

use super::is_folder;
use crate::db::{DbError, NodeRow, RowKind, Walked};
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

impl Shared {
    pub(crate) async fn list(self: &Arc<Self>, path: RemotePath, recursive: bool) -> Result<Answer> {
        let journal = self.open_drive(path.drive.as_deref()).await?;
        let row = self.node(&journal, &path).await?;
        if !is_folder(&row) {
            return Ok(Answer::Nodes(vec![info(&row, row.name.clone())]));
        }
        let nodes = self.with_drive(&journal, move |drive| {
            let mut nodes = Vec::new();
            if recursive {
                let mut each = |walked: Walked| -> Result<(), DbError> {
                    if !walked.names.is_empty() {
                        nodes.push(info(&walked.row, walked.names.join("/")));
                    }
                    Ok(())
                };
                drive.walk(row, &mut each)?;
            } else {
                nodes.extend(
                    drive
                        .list(row.node)?
                        .iter()
                        .map(|row| info(row, row.name.clone())),
                );
            }
            Ok(nodes)
        });
        Ok(Answer::Nodes(nodes.await?))
    }

    pub(crate) async fn stat(self: &Arc<Self>, path: RemotePath) -> Result<Answer> {
        let journal = self.open_drive(path.drive.as_deref()).await?;
        let row = self.node(&journal, &path).await?;
        Ok(Answer::Node(info(&row, path.to_string())))
    }

    /// By name, as a glob over the last component; a pattern without `*`, `?`, `[` or `{` matches anywhere in a name, and case does not count.
    pub(crate) async fn find(self: &Arc<Self>, path: RemotePath, pattern: String) -> Result<Answer> {
        let journal = self.open_drive(path.drive.as_deref()).await?;
        let row = self.node(&journal, &path).await?;
        let text = if pattern.contains(['*', '?', '[', '{']) {
            pattern.clone()
        } else {
            format!("*{pattern}*")
        };
        let glob = GlobBuilder::new(&text)
            .case_insensitive(true)
            .build()
            .map_err(|error| {
                Failure::new(Code::Usage, error.to_string())
                    .object(pattern)
                    .hint("for example: crannog find / '*.jpg'")
            })?;
        let matcher = glob.compile_matcher();
        let base = path.to_string();
        let nodes = self.with_drive(&journal, move |drive| {
            let mut nodes = Vec::new();
            let mut each = |walked: Walked| -> Result<(), DbError> {
                if walked.names.last().is_some_and(|name| matcher.is_match(name)) {
                    let path = crate::transfer::join_path(&base, &walked.names.join("/"));
                    nodes.push(info(&walked.row, path));
                }
                Ok(())
            };
            drive.walk(row, &mut each)?;
            Ok(nodes)
        });
        Ok(Answer::Nodes(nodes.await?))
    }

    /// Of a folder: one row for each folder directly below, then itself.
    pub(crate) async fn usage(self: &Arc<Self>, path: RemotePath) -> Result<Answer> {
        let journal = self.open_drive(path.drive.as_deref()).await?;
        let row = self.node(&journal, &path).await?;
        let rows = self.with_drive(&journal, move |drive| {
            let mut rows = Vec::new();
            for child in drive.list(row.node)? {
                if is_folder(&child) {
                    rows.push((path.join(&child.name), drive.totals(child.node)?));
                }
            }
            rows.push((path, drive.totals(row.node)?));
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
