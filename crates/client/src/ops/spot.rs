//! Where a path leads: through mounts, into the drive that holds what it names.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crannog_agent_api::{Code, Failure, RemotePath};
use crannog_core::journal::Role;

use super::{conflict_hint, not_found};
use crate::db::{Found, Mounts, NodeRow, Seen, Way};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;

/// A place that a path names; something may be there or not.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    /// The drive that the path reaches.
    pub(crate) journal: Arc<Journal>,
    /// The path inside it; only its components count.
    pub(crate) path: RemotePath,
    /// The path as it was given.
    pub(crate) shown: RemotePath,
    /// What is there.
    pub(crate) seen: Option<Seen>,
    /// At a mount point: the point itself.
    pub(crate) seat: Option<Seat>,
    /// The drives on the way.
    pub(crate) way: Way,
    /// With which mounts it was found.
    pub(crate) mounts: Arc<Mounts>,
}

/// A mount point.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    /// The drive in which it lies.
    pub(crate) journal: Arc<Journal>,
    /// Its node there.
    pub(crate) row: NodeRow,
}

impl Spot {
    /// What is there, under the name of the path.
    pub(crate) fn seen(&self) -> Result<&Seen> {
        self.seen.as_ref().ok_or_else(|| match &self.seat {
            None => not_found(&self.shown),
            Some(_) => Failure::new(Code::NotFound, "the shared file is not there yet")
                .object(self.shown.to_string())
                .hint("it comes with the next change of whoever shares it")
                .into(),
        })
    }

    /// The row of what is there.
    pub(crate) fn row(&self) -> Result<&NodeRow> {
        self.seen().map(|seen| &seen.row)
    }

    /// What a listing shows here: of a shared file that has not arrived an empty one.
    pub(crate) fn look(&self) -> Result<Seen> {
        match (&self.seen, &self.seat) {
            (None, Some(seat)) => Ok(Seen {
                way: self.way.clone(),
                row: seat.row.awaited(),
                seat: Some(seat.row.clone()),
            }),
            _ => self.seen().cloned(),
        }
    }

    /// The first `count` components of the inner path, as the user names them.
    pub(crate) fn shown_up_to(&self, count: usize) -> RemotePath {
        let outside = self
            .shown
            .components
            .len()
            .saturating_sub(self.path.components.len());
        let components = self.shown.components.iter().take(outside + count);
        RemotePath {
            drive: self.shown.drive.clone(),
            components: components.cloned().collect(),
            trailing_slash: false,
        }
    }

    /// Refuses a drive in which this account may only read.
    pub(crate) fn refuse_reader(&self) -> Result<()> {
        refuse_reader(&self.journal, &self.shown.to_string())
    }

    /// Refuses a drive in which this account may change nothing that is there.
    pub(crate) fn refuse_change(&self) -> Result<()> {
        refuse_change(&self.journal, &self.shown.to_string())
    }
}

/// Refuses a drive in which this account may only read.
pub(crate) fn refuse_reader(journal: &Journal, shown: &str) -> Result<()> {
    match journal.state().role() {
        Some(Role::Reader) => Err(read_only(shown)),
        _ => Ok(()),
    }
}

/// Refuses a drive in which this account may change nothing that is there.
pub(crate) fn refuse_change(journal: &Journal, shown: &str) -> Result<()> {
    match journal.state().role() {
        Some(Role::Append) => Err(adds_only(shown).into()),
        _ => refuse_reader(journal, shown),
    }
}

/// What somebody is told who may append, and wants more.
pub(crate) fn adds_only(shown: &str) -> Failure {
    Failure::new(
        Code::Conflict,
        "this account may only add here, and change nothing that is there",
    )
    .object(shown)
    .hint("add it under another name; an admin of the share can do the rest (crannog members shows who is)")
}

fn read_only(shown: &str) -> Error {
    conflict_hint(
        "this account may only read here",
        shown,
        "an admin of the share can make you a writer (crannog members shows who is)",
    )
}

impl Shared {
    /// Where a path leads, for looking. No drive on the way is frozen by an alarm.
    pub(crate) async fn locate(&self, path: &RemotePath) -> Result<Spot> {
        let top = self.drive(path.drive.as_deref())?;
        self.refuse_frozen(&top).await?;
        let mounts = Arc::new(self.mounts().await?);
        let (names, row) = (path.components.clone(), top.row);
        let found = self.with_forest(&mounts, move |forest| forest.resolve(row, &names));
        let spot = self.spot(path, found.await?, mounts)?;
        for drive in spot.way.iter().skip(1) {
            self.refuse_frozen(self.numbered(*drive)?.as_ref()).await?;
        }
        Ok(spot)
    }

    fn spot(&self, path: &RemotePath, found: Found, mounts: Arc<Mounts>) -> Result<Spot> {
        if found.circle {
            return Err(conflict_hint(
                "a drive is mounted inside itself here",
                &path.to_string(),
                "reach it by its own name (crannog drive list), or leave one of the shares",
            ));
        }
        let Found {
            way,
            names,
            seen,
            seat,
            ..
        } = found;
        let journal = self.numbered(way.last().copied().unwrap_or_default())?;
        let above = way.iter().rev().nth(1).copied();
        let seat = match (seat, above) {
            (Some(row), Some(above)) => Some(Seat {
                journal: self.numbered(above)?,
                row,
            }),
            _ => None,
        };
        Ok(Spot {
            journal,
            path: RemotePath {
                drive: None,
                components: names,
                trailing_slash: path.trailing_slash,
            },
            shown: path.clone(),
            seen,
            seat,
            way,
            mounts,
        })
    }

    /// Where a path leads, for changing something there: each drive on the way is read on first where something may have been stored
    /// without this device hearing of it.
    pub(crate) async fn locate_to_change(self: &Arc<Self>, path: &RemotePath) -> Result<Spot> {
        let mut current: Vec<i64> = Vec::new();
        loop {
            let spot = self.locate(path).await?;
            let mut again = false;
            for drive in spot.way.iter() {
                if !current.contains(drive) {
                    again |= self.be_current(&self.numbered(*drive)?).await?;
                    current.push(*drive);
                }
            }
            if !again {
                return Ok(spot);
            }
        }
    }

    /// Planned against an older state, a change would be made twice. True if there was anything to ask for.
    pub(crate) async fn be_current(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<bool> {
        let due = journal.is_unsure() || !self.online.load(Ordering::Relaxed);
        if due {
            self.catch_up(journal).await?;
            self.reconnect.notify_one();
        }
        Ok(due)
    }
}
