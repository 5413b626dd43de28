//! Transfers that were cut: which there are, how they go on, and how they are forgotten.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crannog_agent_api::answer::{TransferInfo, TransferState};
use crannog_agent_api::{Answer, Code, Failure, Limits, Request};

use super::running::{Begun, What, is, what};
use crate::clock;
use crate::db::{DbError, Transfers, Unfinished, UnfinishedRow};
use crate::engine::Caller;
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::transfer::{Flow, component};

impl Shared {
    /// A transfer begins, or goes on under the number that it had.
    pub(super) async fn begin_transfer(&self, request: &Request, limits: &Limits) -> Result<Begun> {
        if !can_go_on(request) {
            return Ok(Begun::once(self.running.number()));
        }
        let (text, limits) = (json(request)?, json(limits)?);
        let key = text.clone();
        let before = self.db.read(move |c| Unfinished(c).find(&key)).await?;
        // The same command, twice at once.
        if before
            .as_ref()
            .is_some_and(|row| self.running.find(row.id).is_some())
        {
            return Ok(Begun::once(self.running.number()));
        }
        let row = UnfinishedRow {
            id: before
                .as_ref()
                .map_or_else(|| self.running.number(), |row| row.id),
            request: text,
            limits,
            time: before.as_ref().map_or_else(clock::now_ms, |row| row.time),
            bytes: before.as_ref().map_or(0, |row| row.bytes),
            total: before.as_ref().map_or(0, |row| row.total),
        };
        let begun = Begun {
            id: row.id,
            since: row.time,
            kept: Some(row.id),
        };
        self.db.write(move |tx| Unfinished(tx).save(&row)).await?;
        Ok(begun)
    }

    /// It was cut here, unless it is over.
    pub(super) async fn ended(&self, id: u64, over: bool, (bytes, total): (u64, u64)) -> Result<()> {
        let kept = self.db.write(move |tx| match over {
            true => Unfinished(tx).remove(id),
            false => Unfinished(tx).advance(id, bytes, total),
        });
        Ok(kept.await?)
    }

    pub(super) async fn unfinished(&self) -> Result<Vec<TransferInfo>> {
        let rows = self.db.read(|c| Unfinished(c).all()).await?;
        rows.iter()
            .map(|row| {
                let what: What = what(&request(row)?).ok_or(DbError::Damaged("a transfer that was cut"))?;
                let bytes = (row.bytes, row.total);
                Ok(what.info(row.id, row.time, TransferState::Unfinished, bytes))
            })
            .collect()
    }

    /// Does the request of a transfer that was cut once more.
    pub(crate) async fn go_on(self: &Arc<Self>, id: u64, caller: &Caller) -> Result<Answer> {
        self.chosen_transfers(&[id]).await?;
        if self.running.find(id).is_some() {
            return Err(Failure::new(Code::Conflict, "this transfer is under way already")
                .object(format!("transfer {id}"))
                .into());
        }
        let mut request = request(&self.row(id).await?)?;
        if let Request::Put { limits, .. } | Request::Get { limits, .. } | Request::Export { limits, .. } =
            &mut request
        {
            let text = self.row(id).await?.limits;
            *limits = serde_json::from_str(&text).map_err(|_| DbError::Damaged("limits"))?;
        }
        self.transfer(request, caller).await
    }

    async fn row(&self, id: u64) -> Result<UnfinishedRow> {
        let rows = self.db.read(|c| Unfinished(c).all()).await?;
        let found = rows.into_iter().find(|row| row.id == id);
        found.ok_or_else(|| Failure::new(Code::NotFound, "this transfer has ended").into())
    }

    /// Ends transfers, and forgets those that were cut.
    pub(crate) async fn cancel_transfers(self: &Arc<Self>, ids: &[u64]) -> Result<Answer> {
        let chosen = self.chosen_transfers(ids).await?;
        for info in &chosen {
            match self.running.find(info.id) {
                // Its own command forgets the rest.
                Some(transfer) => transfer.flow.cancel(),
                None => {
                    let request = request(&self.row(info.id).await?)?;
                    let flow = Flow::plain(self);
                    self.forget_all_of(&request, &flow).await?;
                    self.ended(info.id, true, (0, 0)).await?;
                }
            }
        }
        Ok(Answer::Transfers(chosen))
    }

    /// What was staged or fetched for a request, so that it could go on.
    pub(super) async fn forget_all_of(self: &Arc<Self>, request: &Request, flow: &Flow) -> Result<()> {
        match request {
            Request::Put { sources, .. } => {
                let sources: Vec<PathBuf> = sources.iter().map(|source| source.path.clone()).collect();
                let ours = move |path: &[u8]| {
                    let path = Path::new(OsStr::from_bytes(path));
                    sources.iter().any(|source| path.starts_with(source))
                };
                self.db
                    .write(move |tx| Unfinished(tx).forget_staged(ours))
                    .await?;
                Ok(())
            }
            Request::Get { sources, target, .. } => {
                let (mut below, mut nodes) = (Vec::new(), Vec::new());
                let key = target.as_os_str().as_bytes().to_vec();
                let begun = self
                    .db
                    .write(move |tx| {
                        let begun = Transfers(tx).landing(&key)?;
                        Transfers(tx).forget_landing(&key)?;
                        Ok::<_, DbError>(begun)
                    })
                    .await?;
                for source in sources {
                    // What is there no more has no name to go by.
                    let Ok(spot) = self.locate(source).await else {
                        continue;
                    };
                    let row = spot.row()?;
                    nodes.push(format!(".crannog-{}-", row.node));
                    if source.trailing_slash || begun.is_some() {
                        below.push(target.clone());
                    } else if let Ok(name) = component(&row.name) {
                        below.push(target.join(name));
                    }
                }
                let folders = [Some(target.clone()), target.parent().map(Path::to_owned)];
                let ours = move |part: &[u8]| {
                    let part = Path::new(OsStr::from_bytes(part));
                    let name = part.file_name().and_then(OsStr::to_str).unwrap_or_default();
                    let beside = folders
                        .iter()
                        .flatten()
                        .any(|folder| part.parent() == Some(folder));
                    below.iter().any(|folder| part.starts_with(folder))
                        || beside && nodes.iter().any(|node| name.starts_with(node))
                };
                self.forget_parts(ours, flow).await
            }
            Request::Export { to, .. } => {
                let to = to.clone();
                let ours = move |part: &[u8]| Path::new(OsStr::from_bytes(part)).starts_with(&to);
                self.forget_parts(ours, flow).await
            }
            _ => Ok(()),
        }
    }

    /// Removes part files, also those of which nothing was noted.
    async fn forget_parts(&self, ours: impl Fn(&[u8]) -> bool + Send + 'static, flow: &Flow) -> Result<()> {
        let parts = self.db.write(move |tx| Unfinished(tx).forget_parts(ours)).await?;
        let kept = parts.iter().map(|part| PathBuf::from(OsStr::from_bytes(part)));
        for part in kept.chain(flow.take_parts()) {
            // One that is not there needs no removing.
            let _ = std::fs::remove_file(part);
        }
        Ok(())
    }
}

/// The same request again goes on where this one was cut.
fn can_go_on(request: &Request) -> bool {
    matches!(
        request,
        Request::Put { stdin: false, .. } | Request::Get { .. } | Request::Export { .. }
    )
}

/// Nothing is left that could go on: it was done, it never began, or somebody ended it for good.
pub(super) fn is_over(result: &Result<Answer>) -> bool {
    match result {
        Ok(_) => true,
        Err(Error::Io { source, .. }) => source.kind() == std::io::ErrorKind::NotFound,
        Err(error) => [
            Code::Cancelled,
            Code::Usage,
            Code::NotFound,
            Code::Conflict,
            Code::NoAccount,
        ]
        .iter()
        .any(|code| is(error, *code)),
    }
}

fn request(row: &UnfinishedRow) -> Result<Request> {
    let read = serde_json::from_str(&row.request);
    Ok(read.map_err(|_| DbError::Damaged("a transfer that was cut"))?)
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::User(Failure::new(Code::Internal, error.to_string())))
}
