//! Transfers: which are under way, and what others may do with them while their commands wait.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crannog_agent_api::answer::{Direction, TransferInfo, TransferState};
use crannog_agent_api::{Answer, Code, Failure, Limits, Request};
use tokio::sync::watch;

use super::export::ExportRequest;
use super::transfers::{GetRequest, PutRequest};
use super::unfinished::is_over;
use crate::clock;
use crate::engine::Caller;
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::transfer::{Flow, PAUSED};

/// Those that are under way.
#[derive(Debug)]
pub(crate) struct Running {
    listed: Mutex<Listed>,
    /// With those that are not listed.
    count: watch::Sender<usize>,
}

#[derive(Debug)]
struct Listed {
    next: u64,
    all: BTreeMap<u64, Arc<Transfer>>,
}

/// What a transfer is.
#[derive(Debug, Clone)]
pub(super) struct What {
    pub(super) kind: &'static str,
    pub(super) direction: Direction,
    pub(super) from: Vec<String>,
    pub(super) to: String,
}

/// One of them.
pub(super) struct Transfer {
    pub(super) id: u64,
    pub(super) what: What,
    pub(super) since: i64,
    pub(super) flow: Arc<Flow>,
}

impl std::fmt::Debug for Transfer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transfer")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Transfer {
    fn info(&self) -> TransferInfo {
        let (bytes, bytes_total) = self.flow.counts.bytes();
        let state = match self.flow.is_paused() {
            true => TransferState::Paused,
            false => TransferState::Running,
        };
        TransferInfo {
            rate: self.flow.rate(),
            ..self.what.info(self.id, self.since, state, (bytes, bytes_total))
        }
    }
}

impl What {
    pub(super) fn info(
        &self,
        id: u64,
        since: i64,
        state: TransferState,
        (bytes, bytes_total): (u64, u64),
    ) -> TransferInfo {
        TransferInfo {
            id,
            kind: self.kind.to_owned(),
            direction: self.direction,
            from: self.from.clone(),
            to: self.to.clone(),
            state,
            bytes,
            bytes_total,
            rate: 0,
            since,
        }
    }
}

impl Running {
    /// The numbers go on after the greatest that is taken.
    pub(crate) fn after(taken: Option<u64>) -> Self {
        let listed = Listed {
            next: taken.unwrap_or(0) + 1,
            all: BTreeMap::new(),
        };
        Self {
            listed: Mutex::new(listed),
            count: watch::Sender::new(0),
        }
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until there are none.
    pub(crate) async fn none(&self) {
        // The sender lives as long as `self`.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    /// A number that no other has.
    pub(super) fn number(&self) -> u64 {
        let mut listed = self.listed();
        listed.next += 1;
        listed.next - 1
    }

    pub(super) fn all(&self) -> Vec<Arc<Transfer>> {
        self.listed().all.values().cloned().collect()
    }

    pub(super) fn find(&self, id: u64) -> Option<Arc<Transfer>> {
        self.listed().all.get(&id).cloned()
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts and lists a transfer as long as it lives.
struct Entered<'a> {
    running: &'a Running,
    listed: Option<u64>,
}

impl<'a> Entered<'a> {
    fn new(running: &'a Running, transfer: Option<Arc<Transfer>>) -> Self {
        running.count.send_modify(|count| *count += 1);
        let listed = transfer.as_ref().map(|transfer| transfer.id);
        if let Some(transfer) = transfer {
            running.listed().all.insert(transfer.id, transfer);
        }
        Self { running, listed }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.listed {
            self.running.listed().all.remove(&id);
        }
        self.running.count.send_modify(|count| *count -= 1);
    }
}

impl Shared {
    /// Does a request that moves bytes, and lets others look at it meanwhile.
    pub(crate) async fn transfer(self: &Arc<Self>, mut request: Request, caller: &Caller) -> Result<Answer> {
        let limits = take_limits(&mut request);
        let Some(what) = what(&request) else {
            let flow = Flow::new(self, &limits, Arc::clone(&caller.cancel), None);
            let _entered = Entered::new(&self.running, None);
            return self.move_bytes(request, &flow, caller).await;
        };
        let begun = self.begin_transfer(&request, &limits).await?;
        let transfer = Arc::new(Transfer {
            id: begun.id,
            what,
            since: begun.since,
            flow: Flow::new(self, &limits, Arc::clone(&caller.cancel), begun.kept),
        });
        let _entered = Entered::new(&self.running, Some(Arc::clone(&transfer)));
        let flow = Arc::clone(&transfer.flow);
        let work = self.move_bytes(request.clone(), &flow, caller);
        let result = accompany(&transfer, caller, work).await;
        if result.as_ref().is_err_and(|error| is(error, Code::Cancelled)) {
            self.forget_all_of(&request, &flow).await?;
        }
        if let Some(id) = begun.kept {
            self.ended(id, is_over(&result), flow.counts.bytes()).await?;
        }
        result
    }

    async fn move_bytes(
        self: &Arc<Self>,
        request: Request,
        flow: &Arc<Flow>,
        caller: &Caller,
    ) -> Result<Answer> {
        match request {
            Request::Put {
                target,
                dry_run,
                stdin: true,
                ..
            } => self.put_stdin(target, dry_run, flow, caller).await,
            Request::Put {
                sources,
                target,
                recursive,
                filter,
                dry_run,
                ..
            } => {
                let request = PutRequest {
                    sources,
                    target,
                    recursive,
                    filter,
                    dry_run,
                };
                self.put(request, flow, caller).await
            }
            Request::Get {
                sources,
                target,
                recursive,
                filter,
                dry_run,
                overwrite,
                ..
            } => {
                let request = GetRequest {
                    sources,
                    target,
                    recursive,
                    filter,
                    dry_run,
                    overwrite,
                };
                self.get(request, flow, caller).await
            }
            Request::Export {
                to,
                history,
                trash,
                overwrite,
                dry_run,
                ..
            } => {
                let request = ExportRequest {
                    to,
                    history,
                    trash,
                    overwrite,
                    dry_run,
                };
                self.export(request, flow, caller).await
            }
            Request::Cat { path, version } => self.cat(path, version, flow, caller).await,
            Request::VerifyStore {
                drive, repair_from, ..
            } => self.verify_store(drive, repair_from, flow, caller).await,
            _ => Err(Failure::new(Code::Internal, "this request moves nothing").into()),
        }
    }

    /// Pauses transfers, or lets them go on.
    pub(crate) async fn pause_transfers(&self, ids: &[u64], pause: bool) -> Result<Answer> {
        let chosen = self.chosen_transfers(ids).await?;
        for info in &chosen {
            if let Some(transfer) = self.running.find(info.id) {
                transfer.flow.pause(pause);
            }
        }
        self.again(chosen).await
    }

    /// Those that were chosen, as they are now.
    async fn again(&self, chosen: Vec<TransferInfo>) -> Result<Answer> {
        let now = |info: TransferInfo| match self.running.find(info.id) {
            Some(transfer) => transfer.info(),
            None => info,
        };
        Ok(Answer::Transfers(chosen.into_iter().map(now).collect()))
    }

    /// Transfers by their numbers; all without any.
    pub(super) async fn chosen_transfers(&self, ids: &[u64]) -> Result<Vec<TransferInfo>> {
        let all = self.all_transfers().await?;
        if ids.is_empty() {
            return Ok(all);
        }
        let one = |id: &u64| {
            let found = all.iter().find(|info| info.id == *id).cloned();
            found.ok_or_else(|| {
                let failure = Failure::new(Code::NotFound, "there is no such transfer");
                failure
                    .object(id.to_string())
                    .hint("crannog transfers list shows those that there are; it may have ended")
                    .into()
            })
        };
        ids.iter().map(one).collect()
    }

    pub(crate) async fn transfers(&self) -> Result<Answer> {
        Ok(Answer::Transfers(self.all_transfers().await?))
    }

    async fn all_transfers(&self) -> Result<Vec<TransferInfo>> {
        let running: Vec<TransferInfo> = self
            .running
            .all()
            .iter()
            .map(|transfer| transfer.info())
            .collect();
        let mut all: Vec<TransferInfo> = self.unfinished().await?;
        all.retain(|info| running.iter().all(|other| other.id != info.id));
        all.extend(running);
        all.sort_by_key(|info| info.id);
        Ok(all)
    }
}

/// Waits for the work; meanwhile its command is told when it stands still, and it can be ended.
async fn accompany(
    transfer: &Transfer,
    caller: &Caller,
    work: impl Future<Output = Result<Answer>>,
) -> Result<Answer> {
    let mut work = pin!(work);
    let mut pauses = transfer.flow.pauses();
    let id = transfer.id;
    loop {
        tokio::select! {
            biased;
            () = transfer.flow.cancelled() => return Err(cancelled(id)),
            result = &mut work => return result,
            _ = pauses.changed() => {
                let text = match transfer.flow.is_paused() {
                    true => format!("paused; crannog transfers resume {id} lets it go on"),
                    false => "goes on".to_owned(),
                };
                // Neither may keep the work waiting for a command that does not read.
                let _ = caller.events.try_send(transfer.flow.counts.event(PAUSED));
                let note = crannog_agent_api::answer::Note { object: format!("transfer {id}"), text };
                let _ = caller.events.try_send(crannog_agent_api::Event::Note(note));
            }
        }
    }
}

fn cancelled(id: u64) -> Error {
    Failure::new(Code::Cancelled, "somebody cancelled this transfer")
        .object(format!("transfer {id}"))
        .hint("what was finished stays; of the rest nothing is kept")
        .into()
}

pub(super) fn is(error: &Error, code: Code) -> bool {
    matches!(error, Error::User(failure) if failure.code == code)
}

/// Two commands that differ in nothing else are the same transfer.
fn take_limits(request: &mut Request) -> Limits {
    match request {
        Request::Put { limits, .. }
        | Request::Get { limits, .. }
        | Request::Export { limits, .. }
        | Request::VerifyStore { limits, .. } => std::mem::take(limits),
        _ => Limits::default(),
    }
}

/// What others are shown of a request; nothing of one that only looks.
pub(super) fn what(request: &Request) -> Option<What> {
    let (kind, direction, from, to) = match request {
        Request::Put { dry_run: true, .. }
        | Request::Get { dry_run: true, .. }
        | Request::Export { dry_run: true, .. } => return None,
        Request::Put {
            sources,
            target,
            stdin,
            ..
        } => {
            let from = match stdin {
                true => vec!["-".to_owned()],
                false => sources
                    .iter()
                    .map(|source| source.path.display().to_string())
                    .collect(),
            };
            ("put", Direction::Up, from, target.to_string())
        }
        Request::Get { sources, target, .. } => {
            let from = sources.iter().map(ToString::to_string).collect();
            ("get", Direction::Down, from, target.display().to_string())
        }
        Request::Export { to, .. } => ("export", Direction::Down, Vec::new(), to.display().to_string()),
        Request::Cat { path, .. } => ("cat", Direction::Down, vec![path.to_string()], String::new()),
        Request::VerifyStore { drive, .. } => (
            "verify-store",
            Direction::Down,
            drive.iter().cloned().collect(),
            String::new(),
        ),
        _ => return None,
    };
    Some(What {
        kind,
        direction,
        from,
        to,
    })
}

/// A transfer begins.
pub(super) struct Begun {
    pub(super) id: u64,
    pub(super) since: i64,
    /// Among those that can go on.
    pub(super) kept: Option<u64>,
}

impl Begun {
    /// One of which nothing stays.
    pub(super) fn once(id: u64) -> Self {
        Self {
            id,
            since: clock::now_ms(),
            kept: None,
        }
    }
}
