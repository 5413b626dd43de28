//! The trash: list, restore, empty. Emptying drops blobs that nothing else names.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crannog_agent_api::answer::TrashInfo;
use crannog_agent_api::{Answer, Code, Failure};
use crannog_core::check::Check;
use crannog_core::content::Content;
use crannog_core::drive::{Applied, DriveBatch, DriveOp, NodeId};
use crannog_core::journal::{Content as EntryContent, JournalState};
use crannog_proto::{BlobId, limits};

use super::look::info;
use super::room::Room;
use super::spot::refuse_change;
use crate::db::{DbError, NodeRow, Share};
use crate::engine::Caller;
use crate::error::{Error, Result};
use crate::journal::{Draft, Journal};
use crate::shared::Shared;
use crate::transfer::{Fetcher, Plan, Report};

/// So many ids of things that were at one path are listed.
const OTHERS: usize = 16;

/// Something in the trash.
#[derive(Debug, Clone)]
struct Trashed {
    drive: i64,
    row: NodeRow,
    /// Where it was.
    path: String,
    bytes: u64,
    /// When, by the remover's clock.
    removed: Option<i64>,
}

/// Which trash is looked at.
#[derive(Debug, PartialEq, Eq)]
enum Where {
    /// The drive's own.
    Drive,
    /// That of the shares in it, too.
    Everywhere,
    /// The same for what has one of these names, the last of its path, or these ids.
    Named(HashSet<String>),
}

impl Where {
    /// Ids or paths.
    fn named(items: &[String]) -> Self {
        let last = |item: &String| item.rsplit('/').next().map(str::to_owned);
        Self::Named(items.iter().filter_map(last).collect())
    }

    fn may_mean(&self, row: &NodeRow) -> bool {
        match self {
            Self::Drive | Self::Everywhere => true,
            Self::Named(names) => names.contains(&row.name) || names.contains(&row.node.to_string()),
        }
    }
}

/// What goes for good. How many there are, and how long their paths, is others' choice: only a part of these is kept (CHK-024).
struct Emptied {
    nodes: BTreeMap<i64, Vec<NodeId>>,
    plan: Plan,
    before: Option<i64>,
}

impl Emptied {
    /// What nobody knows the time of stays where one is asked for.
    fn take(&mut self, item: &Trashed) {
        let is_old = |before| item.removed.is_some_and(|removed| removed < before);
        if self.before.is_none_or(is_old) {
            self.plan.line("purge", &item.path);
            self.nodes.entry(item.drive).or_default().push(item.row.node);
        }
    }
}

/// Of several things that were at one path nobody guesses which is meant.
fn ambiguous(path: &str, newest: &Trashed, others: &[String]) -> Failure {
    let newest = newest.row.node.to_string();
    let ids: Vec<&str> = [newest.as_str()]
        .into_iter()
        .chain(others.iter().map(String::as_str))
        .collect();
    let failure = Failure::new(Code::Usage, "several things in the trash were there").object(path);
    failure.hint(format!("name one by its id: {}", ids.join(", ")))
}

impl Shared {
    /// What was removed from a drive and from the shares that are mounted in it.
    pub(crate) async fn trash_list(self: &Arc<Self>, drive: Option<String>) -> Result<Answer> {
        let journal = self.open_drive(drive.as_deref()).await?;
        let entry = |item: Trashed| TrashInfo {
            id: item.row.node.to_string(),
            path: item.path,
            kind: info(&item.row, String::new()).kind,
            size: item.bytes,
            removed: item.removed,
        };
        let listed = (Vec::new(), Room::new());
        let listed = self.each_trashed(&journal, Where::Everywhere, listed, move |(all, room), item| {
            room.take(item.path.len())?;
            all.push(entry(item));
            Ok(())
        });
        Ok(Answer::Trash(listed.await?.0))
    }

    pub(crate) async fn trash_restore(
        self: &Arc<Self>,
        drive: Option<String>,
        items: Vec<String>,
        dry_run: bool,
        caller: &Caller,
    ) -> Result<Answer> {
        let journal = self.open_to_change(drive.as_deref()).await?;
        let mut chosen = self.chosen(&journal, &items).await?;
        // A folder comes before what lay in it, which would find no place otherwise.
        chosen.sort_by_key(|item| item.path.matches('/').count());
        let mut report = Report::new(caller, "restoring", dry_run);
        report.changed.files = chosen.len() as u64;
        let mut by_drive: BTreeMap<i64, (Vec<DriveOp>, Vec<String>)> = BTreeMap::new();
        for item in chosen {
            report.line("restore", &item.path);
            let (ops, paths) = by_drive.entry(item.drive).or_default();
            ops.push(DriveOp::Restore { node: item.row.node });
            paths.push(item.path);
        }
        if !dry_run {
            for (drive, (ops, paths)) in by_drive {
                let applied = self.apply(&self.numbered(drive)?, ops).await?;
                report.became(&paths, &applied).await;
            }
        }
        Ok(Answer::Changed(report.done()))
    }

    /// Without items all that was removed from the drive itself; what lies in a share's trash is everyone's and goes only when it is named.
    pub(crate) async fn trash_empty(
        self: &Arc<Self>,
        drive: Option<String>,
        items: Vec<String>,
        before: Option<i64>,
        dry_run: bool,
        caller: &Caller,
    ) -> Result<Answer> {
        let journal = self.open_to_change(drive.as_deref()).await?;
        let mut report = Report::new(caller, "deleting", dry_run);
        let all = Emptied {
            nodes: BTreeMap::new(),
            plan: Plan::default(),
            before,
        };
        let Emptied { nodes, plan, .. } = if items.is_empty() {
            let take = |all: &mut Emptied, item| {
                all.take(&item);
                Ok(())
            };
            self.each_trashed(&journal, Where::Drive, all, take).await?
        } else {
            let mut all = all;
            let chosen = self.chosen(&journal, &items).await?;
            chosen.iter().for_each(|item| all.take(item));
            all
        };
        report.plan = plan;
        report.changed.files = nodes.values().map(|nodes| nodes.len() as u64).sum();
        if !dry_run {
            for (drive, nodes) in nodes {
                let names: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
                let (bytes, applied) = self.purge(&self.numbered(drive)?, nodes).await?;
                report.changed.bytes += bytes;
                report.became(&names, &applied).await;
            }
        }
        Ok(Answer::Changed(report.done()))
    }

    /// Looks at the trash of a drive, newest first, then if wanted at that of each share in it. What is there is others' choice: nothing is
    /// kept but what `each` keeps. Where a thing was, and how much it holds, is looked up only of what is looked for.
    async fn each_trashed<T: Send + 'static>(
        &self,
        journal: &Journal,
        which: Where,
        mut kept: T,
        mut each: impl FnMut(&mut T, Trashed) -> Result<(), DbError> + Send + 'static,
    ) -> Result<T> {
        let (mounts, drive) = (Arc::new(self.mounts().await?), journal.row);
        let open = Arc::clone(&mounts);
        self.with_forest(&mounts, move |forest| {
            let shares = match forest.resolve(drive, &[])?.seen {
                Some(top) if which != Where::Drive => forest.shares(&top)?,
                _ => Vec::new(),
            };
            let own = Share {
                names: Vec::new(),
                drive,
            };
            let open = |share: &Share| !open.is_closed(share.drive);
            for share in [own].into_iter().chain(shares).filter(open) {
                let store = forest.store(share.drive);
                store.trash(&mut |row| {
                    if !which.may_mean(&row) {
                        return Ok(());
                    }
                    let names = store.names_of(row.node)?;
                    let path = format!("/{}", [share.names.as_slice(), &names].concat().join("/"));
                    let item = Trashed {
                        drive: share.drive,
                        bytes: store.totals(row.node)?.bytes,
                        removed: store.removed_at(row.node)?,
                        row,
                        path,
                    };
                    each(&mut kept, item)
                })?;
            }
            Ok(kept)
        })
        .await
    }

    /// Items by id or by the path where they were, ready to be changed.
    async fn chosen(self: &Arc<Self>, journal: &Journal, items: &[String]) -> Result<Vec<Trashed>> {
        let mut wanted: HashMap<String, Vec<usize>> = HashMap::new();
        for (nth, item) in items.iter().enumerate() {
            wanted.entry(item.clone()).or_default().push(nth);
        }
        let found = vec![(None, Vec::new()); items.len()];
        let found = self.each_trashed(
            journal,
            Where::named(items),
            found,
            move |found: &mut Vec<(Option<Trashed>, Vec<String>)>, known| {
                let id = known.row.node.to_string();
                let slots = [&id, &known.path].map(|name| wanted.get(name).into_iter().flatten());
                for nth in slots.into_iter().flatten() {
                    match found.get_mut(*nth) {
                        Some((slot @ None, _)) => *slot = Some(known.clone()),
                        Some((_, others)) if others.len() < OTHERS => others.push(id.clone()),
                        _ => {}
                    }
                }
                Ok(())
            },
        );
        let mut chosen: Vec<Trashed> = Vec::new();
        for (item, (found, others)) in items.iter().zip(found.await?) {
            if let (Some(found), false) = (&found, others.is_empty()) {
                return Err(ambiguous(item, found, &others).into());
            }
            let found = found.ok_or_else(|| {
                Failure::new(Code::NotFound, "there is no such thing in the trash")
                    .object(item.clone())
                    .hint("crannog trash list shows ids and paths")
            })?;
            let share = self.numbered(found.drive)?;
            refuse_change(&share, &found.path)?;
            self.be_current(&share).await?;
            chosen.push(found);
        }
        Ok(chosen)
    }

    /// Purges what is in the trash, with all below it, and drops the blobs that nothing names any more. How many bytes went, and what
    /// became of each.
    pub(super) async fn purge(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        nodes: Vec<NodeId>,
    ) -> Result<(u64, Vec<Applied>)> {
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
        let applied = self.apply(journal, ops).await?;
        self.drop_unnamed(journal, going).await?;
        Ok((bytes, applied))
    }

    /// Drops the blobs of contents that are gone, as far as no other content names them.
    pub(super) async fn drop_unnamed(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        gone: Vec<Content>,
    ) -> Result<()> {
        self.drop_contents(journal, gone).await?;
        self.due.dropped(&journal.id);
        Ok(())
    }

    /// The same where packs are looked at anyway.
    pub(super) async fn drop_contents(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        gone: Vec<Content>,
    ) -> Result<()> {
        self.ensure_current_members(journal).await?;
        let state = journal.state();
        let drops = self.unreferenced(journal, gone).await?;
        self.drop_blobs(journal, &state, &drops).await
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
                // A list that cannot be had holds up nothing else.
                Err(error) if is_unreadable(&error) || matches!(error, Error::Lied { .. }) => {
                    tracing::warn!(error = %Failure::from(error), "a list of what was purged")
                }
                Err(error) => return Err(error),
            }
        }
        let free = self.with_drive(journal, move |drive| {
            // What is to be loaded may name any of them.
            if drive.is_waiting()? {
                return Ok((BTreeSet::new(), Vec::new()));
            }
            // What an earlier purge did not come to drop goes with it.
            free.extend(drive.unnamed(limits::IDS_MAX)?);
            let mut unnamed = BTreeSet::new();
            let of_checkpoint = drive.checkpoint_blobs()?;
            for blob in free {
                if drive.references(&blob)? == 0 && !of_checkpoint.contains(&blob) {
                    unnamed.insert(blob);
                }
            }
            let lists = match unnamed.is_empty() {
                true => Vec::new(),
                false => drive.with_lists()?,
            };
            Ok((unnamed, lists))
        });
        // What a list names is counted nowhere: the lists that stay are read, whatever kind of file has gone.
        let (mut unnamed, lists) = free.await?;
        for (path, content) in lists {
            match fetcher.all_blobs(&content).await {
                Ok(named) => unnamed.retain(|blob| !named.contains(blob)),
                // Nobody will ever read what it names.
                Err(error) if is_unreadable(&error) => {}
                Err(error) => return Err(super::named(error, &path)),
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
        for some in drops.chunks(limits::IDS_MAX) {
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

/// Of a list: whether it will never be read, whoever asks. One that the server withholds may come back.
fn is_unreadable(error: &Error) -> bool {
    match error {
        Error::Lied { check, .. } => matches!(check, Check::Seal | Check::Length | Check::Decode),
        Error::User(failure) => failure.code == Code::Lost,
        _ => false,
    }
}
