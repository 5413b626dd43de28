//! Carrying nodes from one drive into another, or within one: where it may be, the same blobs are named again, else everything is sealed
//! anew.

use std::collections::HashMap;
use std::sync::Arc;

use crannog_core::content::Content;
use crannog_core::drive::{DriveOp, NewNode, NodeId, Version, VersionId};
use crannog_core::journal::JournalState;

use super::named;
use crate::db::{Names, NodeRow, RowKind};
use crate::error::Result;
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::{Batch, Fetcher, FileHead, Flow, Report, Target, fresh_version, join_path, reseal};

/// A node that is to be carried; folders come before what they hold.
#[derive(Debug)]
pub(super) struct Item {
    /// Names below the folder into which everything goes, or below the topmost item, which has none.
    pub(super) names: Names,
    pub(super) row: NodeRow,
    /// Its id there.
    pub(super) node: NodeId,
    /// Of a file: what is carried, and the id of the new version.
    pub(super) version: Option<(Version, VersionId)>,
    pub(super) need: Need,
}

/// What the target needs of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It knows it.
    Nothing,
    Create,
    /// A new version on top of this one.
    Write {
        base: VersionId,
    },
}

/// Where items go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim<'a> {
    pub(super) journal: &'a Arc<Journal>,
    pub(super) under: NodeId,
    /// The name that the topmost item gets, where there is one.
    pub(super) top: Option<&'a str>,
    /// The path of `under`, for messages.
    pub(super) path: &'a str,
    /// What is being done, for messages.
    pub(super) verb: &'static str,
}

/// Whether a drive may name the blobs of another: only if both have the same creator and the source was never shared, since else its
/// former members could read on.
pub(crate) fn may_cite(source: &JournalState, target: &JournalState) -> bool {
    source.creator().is_some() && source.creator() == target.creator() && !source.ever_shared()
}

impl Shared {
    /// Carries items; how many the target needed. What is complete stays when the rest fails.
    pub(super) async fn carry(
        self: &Arc<Self>,
        source: &Arc<Journal>,
        aim: Aim<'_>,
        items: Vec<Item>,
        report: &mut Report<'_>,
    ) -> Result<u64> {
        let needed = items.iter().filter(|item| item.need != Need::Nothing);
        let sizes = needed.map(|item| {
            item.version
                .as_ref()
                .map_or(0, |(version, _)| version.content.size)
        });
        report.expect(sizes);
        let same = source.id == aim.journal.id;
        let mut carrier = Carrier {
            shared: self,
            source,
            aim,
            cites: same || may_cite(&source.state(), &aim.journal.state()),
            fetcher: Fetcher::new(self, source),
            batch: None,
        };
        let carried = carrier.all(items, report).await;
        let flushed = carrier.flush().await;
        carried.and_then(|count| flushed.map(|()| count))
    }
}

struct Carrier<'a> {
    shared: &'a Arc<Shared>,
    source: &'a Arc<Journal>,
    aim: Aim<'a>,
    cites: bool,
    fetcher: Fetcher,
    batch: Option<Batch>,
}

impl Carrier<'_> {
    async fn all(&mut self, items: Vec<Item>, report: &mut Report<'_>) -> Result<u64> {
        let mut folders: HashMap<Names, NodeId> = HashMap::new();
        let mut count = 0;
        for item in items {
            report.check_cancel()?;
            let above = item.names.above().and_then(|above| folders.get(above));
            let parent = above.copied().unwrap_or(self.aim.under);
            if item.row.kind == RowKind::Directory {
                folders.insert(item.names.clone(), item.node);
            }
            if item.need == Need::Nothing {
                continue;
            }
            count += 1;
            let mut path = self.aim.path.to_owned();
            for part in [self.aim.top.unwrap_or_default(), &item.names.path()] {
                if !part.is_empty() {
                    path = join_path(&path, part);
                }
            }
            self.item(item, parent, report)
                .await
                .map_err(|error| named(error, &path))?;
            report.line(self.aim.verb, &path);
        }
        Ok(count)
    }

    async fn item(&mut self, item: Item, parent: NodeId, report: &mut Report<'_>) -> Result<()> {
        let Item {
            row,
            node,
            version,
            need,
            names,
        } = item;
        let name = names.last().or(self.aim.top).unwrap_or_default().to_owned();
        let new = match (row.kind, version) {
            (RowKind::Directory, _) => {
                report.changed.folders += 1;
                NewNode::Directory
            }
            (RowKind::Symlink(target), _) => {
                report.changed.files += 1;
                NewNode::Symlink { target }
            }
            (RowKind::File { .. }, Some((old, version))) => {
                let target = match need {
                    Need::Write { base } => Target::Write { node, base },
                    _ => Target::Create { node, parent, name },
                };
                report.changed.files += 1;
                if report.changed.dry_run {
                    return Ok(());
                }
                let head = FileHead {
                    target,
                    version,
                    attrs: row.attrs,
                    size: old.content.size,
                    local: None,
                    previous: None,
                    leaves: Vec::new(),
                };
                return self.file(head, old.content, report).await;
            }
            (RowKind::File { .. }, None) => return Ok(()),
        };
        if report.changed.dry_run {
            return Ok(());
        }
        let op = DriveOp::Create {
            node,
            parent,
            name,
            attrs: row.attrs,
            new,
        };
        self.batch().await?.op(op);
        Ok(())
    }

    async fn file(&mut self, head: FileHead, content: Content, report: &mut Report<'_>) -> Result<()> {
        if !self.cites {
            let (shared, fetcher) = (self.shared, self.fetcher.clone());
            let batch = self.batch().await?;
            reseal(shared, &fetcher, &content, head, batch, report).await?;
            report.changed.bytes += content.size;
            report.moved(1, 0);
            return Ok(());
        }
        let blobs = self.fetcher.all_blobs(&content).await?;
        report.moved(1, content.size);
        let other = (self.source.id != self.aim.journal.id).then(|| Arc::clone(self.source));
        self.batch()
            .await?
            .op_with(head.citing(content), blobs, other.as_ref());
        Ok(())
    }

    async fn batch(&mut self) -> Result<&mut Batch> {
        if self.batch.as_ref().is_some_and(Batch::is_full_between_files) {
            self.flush().await?;
        }
        let (shared, journal) = (self.shared, self.aim.journal);
        Ok(self
            .batch
            .get_or_insert_with(|| Batch::new(shared, journal, &Flow::plain(shared))))
    }

    async fn flush(&mut self) -> Result<()> {
        match self.batch.take().filter(|batch| !batch.is_empty()) {
            Some(batch) => batch.finish().await.map(drop),
            None => Ok(()),
        }
    }
}

/// A file's version under a fresh id.
pub(super) fn anew(version: Option<Version>) -> Option<(Version, VersionId)> {
    version.map(|version| (version, fresh_version()))
}
