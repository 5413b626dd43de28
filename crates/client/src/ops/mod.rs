//! One file per group of requests; each answers in the words of the local interface.

mod below;
mod carry;
mod change;
mod clear;
mod copy;
mod doctor;
mod drives;
mod export;
mod find;
mod forget;
mod heal;
mod look;
mod mounts;
mod repack;
mod room;
mod running;
mod spot;
mod transfers;
mod trash;
mod turns;
mod unfinished;
mod versions;

pub(crate) use carry::may_cite;
pub(crate) use change::{Place, now_attrs};
pub(crate) use doctor::LOOK;
pub(crate) use forget::Which;
pub(crate) use running::Running;
pub(crate) use spot::{Spot, adds_only};
pub(crate) use turns::Turns;

use std::sync::Arc;

use crannog_agent_api::{Code, Failure, RemotePath};
use crannog_core::drive::{Applied, DriveBatch, DriveOp, NodeId};
use crannog_core::journal::Content;

use crate::db::{DbError, DriveStore, NodeRow, RowKind};
use crate::error::{Error, Result};
use crate::journal::{Draft, Journal};
use crate::shared::Shared;

/// How long a request waits for the first catch-up after unlocking.
const FIRST_SYNC: std::time::Duration = std::time::Duration::from_secs(10);

impl Shared {
    /// The first catch-up after unlocking has ended; without a server, what is known answers after a while.
    pub(crate) async fn settled(&self) {
        let mut first = self.first_sync.subscribe();
        let _ = tokio::time::timeout(FIRST_SYNC, first.wait_for(|done| *done)).await;
    }

    /// The drive that a path means.
    pub(crate) fn drive(&self, name: Option<&str>) -> Result<Arc<Journal>> {
        let home = self.home();
        let id = match name {
            None => home
                .default_drive()
                .copied()
                .or_else(|| home.drives().next().map(|drive| drive.journal)),
            Some(name) => home
                .drives()
                .find(|drive| drive.name == Some(name))
                .map(|drive| drive.journal),
        };
        let found = id.and_then(|id| self.journal(&id));
        found.ok_or_else(|| {
            Failure::new(Code::NotFound, "there is no such drive")
                .object(name.unwrap_or("the default drive"))
                .hint("crannog drive list shows the drives, crannog drive create makes one")
                .into()
        })
    }

    /// The drive of a path, not frozen by an alarm.
    pub(crate) async fn open_drive(&self, name: Option<&str>) -> Result<Arc<Journal>> {
        let journal = self.drive(name)?;
        self.refuse_frozen(&journal).await?;
        Ok(journal)
    }

    /// A drive that is about to be changed. What may have been stored without this device hearing of it is read first.
    pub(crate) async fn open_to_change(self: &Arc<Self>, name: Option<&str>) -> Result<Arc<Journal>> {
        let journal = self.open_drive(name).await?;
        self.be_current(&journal).await?;
        Ok(journal)
    }

    /// Reads a drive in one snapshot.
    pub(crate) async fn with_drive<T: Send + 'static>(
        &self,
        journal: &Journal,
        job: impl FnOnce(&DriveStore<'_>) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T> {
        let row = journal.row;
        Ok(self.db.read(move |c| job(&DriveStore::new(c, row))).await?)
    }

    /// The node that names inside a drive lead to, if there is one; mounts are not followed.
    pub(crate) async fn find_node(&self, journal: &Journal, names: &[String]) -> Result<Option<NodeRow>> {
        let names = names.to_vec();
        self.with_drive(journal, move |drive| drive.resolve(&names)).await
    }

    /// Appends operations that bring no content; what became of each.
    pub(crate) async fn apply(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        ops: Vec<DriveOp>,
    ) -> Result<Vec<Applied>> {
        let mut applied = Vec::new();
        let mut ops = ops.into_iter().peekable();
        while ops.peek().is_some() {
            let some = ops.by_ref().take(crannog_proto::limits::OPS_MAX).collect();
            let batch = DriveBatch {
                ops: some,
                filler: Vec::new(),
            };
            let draft = Draft::change(Content::Drive(batch));
            applied.extend(self.append(journal, draft).await?.applied);
        }
        Ok(applied)
    }
}

/// A lie is named with the path that it concerns.
pub(crate) fn named(error: Error, path: &str) -> Error {
    match error {
        Error::Lied { check, object } => Error::lied(check, format!("{path} ({object})")),
        other => other,
    }
}

pub(crate) fn not_found(path: &RemotePath) -> Error {
    Failure::new(Code::NotFound, "there is no such file or folder")
        .object(path.to_string())
        .hint("crannog ls shows what there is; crannog trash list what was removed")
        .into()
}

pub(crate) fn usage(message: &str, object: &RemotePath, hint: &str) -> Error {
    Failure::new(Code::Usage, message)
        .object(object.to_string())
        .hint(hint)
        .into()
}

pub(crate) fn conflict(message: &str, object: &RemotePath) -> Error {
    conflict_hint(
        message,
        &object.to_string(),
        "choose another name, or remove it first",
    )
}

pub(crate) fn conflict_hint(message: &str, object: &str, hint: &str) -> Error {
    Failure::new(Code::Conflict, message)
        .object(object)
        .hint(hint)
        .into()
}

pub(crate) fn is_folder(row: &NodeRow) -> bool {
    row.kind == RowKind::Directory
}

/// The top and `/Recovered` stay where they are.
pub(crate) fn is_fixed(row: &NodeRow) -> bool {
    row.node == NodeId::ROOT || row.node == NodeId::RECOVERED
}
