//! Copies and moves.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::drive::{DriveOp, DriveState, MAX_DEPTH, NodeId, is_live};

use super::carry::{Aim, Item, Need, anew};
use super::change::Place;
use super::mounts::is_a_share;
use super::spot::{Spot, refuse_change};
use super::{is_folder, usage};
use crate::db::{DbError, Met, Names, NodeRow, Seen};
use crate::engine::Caller;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::{Report, fresh_node, join_path};

/// The nodes of a tree as they were copied, with the names below its top.
type Copied = HashMap<NodeId, (Names, NodeRow)>;

/// Moves within one drive, and the names that they take in its folder.
#[derive(Debug, Default)]
struct Moves {
    ops: Vec<DriveOp>,
    names: HashSet<String>,
    paths: Vec<String>,
    files: u64,
    folders: u64,
}

impl Shared {
    pub(crate) async fn copy(
        self: &Arc<Self>,
        from: Vec<RemotePath>,
        to: RemotePath,
        recursive: bool,
        dry_run: bool,
        caller: &Caller,
    ) -> Result<Answer> {
        let to = self.locate_to_change(&to).await?;
        let place = self.place(&to, from.len() > 1).await?;
        let mut report = Report::new(caller, "copying", dry_run);
        for path in from {
            let spot = self.locate(&path).await?;
            if is_folder(spot.row()?) && !recursive {
                return Err(usage(
                    "it is a folder",
                    &path,
                    "crannog cp -r copies it with all that it holds",
                ));
            }
            self.copy_tree(&spot, &place, "cp", &mut report).await?;
        }
        Ok(Answer::Changed(report.done()))
    }

    /// Copies what lies at a spot, but no share below it.
    async fn copy_tree(
        self: &Arc<Self>,
        spot: &Spot,
        place: &Place,
        verb: &'static str,
        report: &mut Report<'_>,
    ) -> Result<Copied> {
        let seen = spot.seen()?.clone();
        let name = landing_name(place, &spot.shown)?;
        self.refuse_taken(place, &name).await?;
        let source = &spot.journal;
        if source.id == place.journal.id && self.is_below(source, seen.row.node, place.parent).await? {
            return Err(usage(
                "a folder cannot be copied into itself",
                &spot.shown,
                "choose another target",
            ));
        }
        let tree = self.with_forest(&spot.mounts, move |forest| {
            let store = forest.store(seen.drive());
            let mut tree = Vec::new();
            forest.walk_one(seen, &mut |met: Met| -> Result<(), DbError> {
                let version = store.current(met.seen.row.node)?;
                tree.push((met, version));
                Ok(())
            })?;
            Ok(tree)
        });
        let (mut items, mut copied) = (Vec::new(), Copied::new());
        for (met, version) in tree.await? {
            if met.is_share() {
                let path = join_path(&spot.shown.to_string(), &met.names.path());
                report.note(path, "a share: left out of the copy").await;
                continue;
            }
            let row = met.seen.row;
            copied.insert(row.node, (met.names.clone(), row.clone()));
            items.push(Item {
                names: met.names,
                row,
                node: fresh_node(),
                version: anew(version),
                need: Need::Create,
            });
        }
        let aim = Aim {
            journal: &place.journal,
            under: place.parent,
            top: Some(&name),
            path: &place.parent_path,
            verb,
        };
        self.carry(source, aim, items, report).await?;
        Ok(copied)
    }

    /// What stays in its drive moves at once, or not at all; what goes into another drive is copied first, one after the other.
    pub(crate) async fn move_to(
        self: &Arc<Self>,
        from: Vec<RemotePath>,
        to: RemotePath,
        dry_run: bool,
        caller: &Caller,
    ) -> Result<Answer> {
        let to = self.locate_to_change(&to).await?;
        let place = self.place(&to, from.len() > 1).await?;
        let mut report = Report::new(caller, "moving", dry_run);
        let (mut moves, mut across) = (Moves::default(), Vec::new());
        for path in from {
            let spot = self.locate_to_change(&path).await?;
            let (source, row) = match &spot.seat {
                Some(seat) => (&seat.journal, &seat.row),
                None => (&spot.journal, spot.row()?),
            };
            self.may_go(row, &path)?;
            refuse_change(source, &path.to_string())?;
            if source.id == place.journal.id {
                self.plan_move(row, &path, &place, &mut moves).await?;
            } else if spot.seat.is_some() {
                return Err(is_a_share(&path.to_string()));
            } else {
                across.push(spot);
            }
        }
        if !dry_run {
            let applied = self.apply(&place.journal, moves.ops).await?;
            report.became(&moves.paths, &applied).await;
        }
        report.changed.folders += moves.folders;
        report.changed.files += moves.files;
        for path in &moves.paths {
            report.line("mv", path);
        }
        for spot in across {
            self.move_across(&spot, spot.row()?.node, &place, &mut report)
                .await?;
        }
        Ok(Answer::Changed(report.done()))
    }

    async fn plan_move(
        self: &Arc<Self>,
        row: &NodeRow,
        path: &RemotePath,
        place: &Place,
        moves: &mut Moves,
    ) -> Result<()> {
        let name = landing_name(place, path)?;
        self.refuse_taken(place, &name).await?;
        if !moves.names.insert(name.clone()) {
            return Err(taken(place, &name));
        }
        if self.is_below(&place.journal, row.node, place.parent).await? {
            return Err(usage(
                "a folder cannot be moved into itself",
                path,
                "choose another target",
            ));
        }
        moves.paths.push(path.to_string());
        if is_folder(row) {
            moves.folders += 1;
        } else {
            moves.files += 1;
        }
        let (node, parent) = (row.node, place.parent);
        moves.ops.push(DriveOp::Move { node, parent, name });
        Ok(())
    }

    /// Copies, and puts into the trash what was copied and has not changed since.
    async fn move_across(
        self: &Arc<Self>,
        spot: &Spot,
        node: NodeId,
        place: &Place,
        report: &mut Report<'_>,
    ) -> Result<()> {
        let (source, shown) = (&spot.journal, spot.shown.to_string());
        self.refuse_shares_below(source, node, &shown).await?;
        let copied = self.copy_tree(spot, place, "mv", report).await?;
        if report.changed.dry_run {
            return Ok(());
        }
        self.catch_up(source).await?;
        let from = spot.seen()?.clone();
        let now = self.with_forest(&spot.mounts, move |forest| {
            let (store, mut now) = (forest.store(from.drive()), Vec::new());
            let row = store.row(node)?;
            let (Some(row), true) = (row, is_live(&store, node)?) else {
                return Ok(now);
            };
            forest.walk_one(Seen { row, ..from }, &mut |met: Met| -> Result<(), DbError> {
                now.push(met);
                Ok(())
            })?;
            Ok(now)
        });
        let (going, stays) = after_copy(&copied, &now.await?);
        for names in stays {
            let failure = Failure::new(Code::Conflict, "it changed while it was moved, so it stays")
                .object(match names.is_empty() {
                    true => shown.clone(),
                    false => join_path(&shown, &names.path()),
                })
                .hint("what was there before has been copied; compare, and remove one");
            report.failed(failure).await;
        }
        let ops = going.into_iter().map(|node| DriveOp::Trash { node }).collect();
        self.apply(source, ops).await.map(drop)
    }

    async fn refuse_taken(&self, place: &Place, name: &str) -> Result<()> {
        let (parent, wanted) = (place.parent, name.to_owned());
        let there = self
            .with_drive(&place.journal, move |drive| drive.child(parent, &wanted))
            .await?;
        match there {
            Some(_) => Err(taken(place, name)),
            None => Ok(()),
        }
    }

    /// Whether `folder` is `node` or lies below it.
    async fn is_below(&self, journal: &Journal, node: NodeId, folder: NodeId) -> Result<bool> {
        self.with_drive(journal, move |drive| {
            let mut at = folder;
            for _ in 0..MAX_DEPTH {
                if at == node {
                    return Ok(true);
                }
                match drive.head(at)? {
                    Some(head) => at = head.parent,
                    None => return Ok(false),
                }
            }
            Ok(false)
        })
        .await
    }
}

/// Which nodes may go (the topmost alone, all below goes with them), and the names of what is not as it was copied. What is above something
/// that stays, stays too.
fn after_copy(copied: &Copied, now: &[Met]) -> (Vec<NodeId>, Vec<Names>) {
    let same = |met: &&Met| {
        let row = &met.seen.row;
        copied.get(&row.node).is_some_and(|(names, before)| {
            *names == met.names && before.kind == row.kind && before.attrs == row.attrs
        })
    };
    let stays: Vec<Names> = now
        .iter()
        .filter(|met| !same(met))
        .map(|met| met.names.clone())
        .collect();
    let mut kept = HashSet::new();
    for names in &stays {
        kept.extend(names.upwards());
    }
    let goes = |met: &&Met| {
        let above = met.names.above();
        !kept.contains(&met.names) && above.is_none_or(|above| kept.contains(above))
    };
    let going = now.iter().filter(goes).map(|met| met.seen.row.node).collect();
    (going, stays)
}

fn taken(place: &Place, name: &str) -> Error {
    Failure::new(Code::Conflict, "the target is there already")
        .object(join_path(&place.parent_path, name))
        .hint("choose another name, or move it away")
        .into()
}

fn landing_name(place: &Place, path: &RemotePath) -> Result<String> {
    match place.name.clone().or_else(|| path.name().map(str::to_owned)) {
        Some(name) => Ok(name),
        None => Err(usage(
            "the top of a drive has no name to keep",
            path,
            "give the target a new name",
        )),
    }
}
