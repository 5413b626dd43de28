//! Appending: seal, put the body, append, check the receipt, take the entry in.

use std::sync::Arc;

use bytes::Bytes;
use crannog_agent_api::{Code, Failure};
use crannog_core::check::Check;
use crannog_core::journal::{Content, EntryDraft, JournalState, Payload, Role, SealedEntry, seal_entry};
use crannog_proto::api::{AppendResult, Stored};
use crannog_proto::{BlobId, EntryId, ErrorCode, Kind, Receipt, Seen};
use rand::Rng;

use super::Journal;
use super::ingest::{Arrived, Ingested, Own};
use crate::error::{Error, Result};
use crate::ops::adds_only;
use crate::shared::{Extra, Shared};
use crate::transport::{Transport, TransportError};

/// How often an entry is sealed anew because others were faster.
const ATTEMPTS: usize = 8;

/// What is to be said; sealed anew when others were faster.
struct Said {
    kind: Kind,
    adds: Vec<BlobId>,
    drops: Vec<BlobId>,
    content: Content,
}

impl Said {
    fn only_adds(&self) -> bool {
        let adds = matches!(&self.content, Content::Drive(batch) if batch.only_adds());
        adds && self.kind == Kind::Change && self.drops.is_empty()
    }
}

/// An entry before it is sealed.
pub(crate) struct Draft {
    pub(crate) kind: Kind,
    pub(crate) adds: Vec<BlobId>,
    pub(crate) drops: Vec<BlobId>,
    pub(crate) content: Content,
    /// Other journals of this account that hold some of `adds`.
    pub(crate) from: Vec<Arc<Journal>>,
    /// Runs in the transaction that takes the entry in.
    pub(crate) extra: Option<Extra>,
    /// What was read when the content was decided, if it is true of that state alone: the entry says that it has seen no more, and is
    /// not sealed anew on another.
    pub(crate) on: Option<Arc<JournalState>>,
}

impl Draft {
    /// A change without blobs.
    pub(crate) fn change(content: Content) -> Self {
        Self {
            kind: Kind::Change,
            adds: Vec::new(),
            drops: Vec::new(),
            content,
            from: Vec::new(),
            extra: None,
            on: None,
        }
    }
}

impl Shared {
    /// Appends one entry, acknowledged by the server and taken into the local state when this returns.
    pub(crate) async fn append(self: &Arc<Self>, journal: &Arc<Journal>, draft: Draft) -> Result<Ingested> {
        let Draft {
            kind,
            adds,
            drops,
            content,
            from,
            extra,
            on,
        } = draft;
        self.refuse_frozen(journal).await?;
        let said = Arc::new(Said {
            kind,
            adds,
            drops,
            content,
        });
        let tokens: Vec<[u8; 32]> = from.iter().filter_map(|other| self.read_token(other)).collect();
        let mut again = false;
        for _ in 0..ATTEMPTS {
            self.ensure_current_members(journal).await?;
            self.refuse_changed_roots(&journal.state())?;
            let kind = self.kind_of(journal, &said).await?;
            let state = on.clone().unwrap_or_else(|| journal.state());
            let sealed = self.seal(journal, state, kind, Arc::clone(&said)).await?;
            match self.send_entry(journal, &sealed, &tokens).await? {
                AppendResult::Done(receipt) => {
                    return self.acknowledged(journal, sealed, receipt, extra).await;
                }
                // Its own body got lost on the server's side before it was acknowledged: once more, then.
                AppendResult::Missing(ids) if !again && ids.iter().any(|id| is_body(&sealed, id)) => {
                    again = true
                }
                AppendResult::Missing(ids) => return Err(missing(&ids)),
                AppendResult::Refused { code } => match code.parse() {
                    Ok(ErrorCode::StaleEpoch | ErrorCode::StaleSeen) => {
                        self.catch_up(journal).await?;
                        if on.is_some() {
                            break;
                        }
                    }
                    Ok(code) => {
                        return Err(TransportError::Server {
                            code,
                            ids: Vec::new(),
                            retry_after: None,
                        }
                        .into());
                    }
                    Err(_) => return Err(TransportError::UnknownStatus { status: 200 }.into()),
                },
            }
        }
        Err(Error::User(
            Failure::new(
                Code::TryAgain,
                "others change this drive faster than this device can follow",
            )
            .object(self.name_of(&journal.id))
            .hint("repeat the command"),
        ))
    }

    /// As what it goes out: what somebody says who may append is an append, or nothing. Said here rather than by a server that refuses: a
    /// reader holds no write key, and who was removed no current one.
    async fn kind_of(self: &Arc<Self>, journal: &Arc<Journal>, said: &Said) -> Result<Kind> {
        let state = journal.state();
        if state.last().is_none() || state.is_closed() {
            return Ok(said.kind.clone());
        }
        let name = || self.name_of(&journal.id);
        match state.role().filter(|_| !state.is_removed()) {
            None | Some(Role::Reader) => Err(read_only(&name())),
            Some(Role::Append) if !said.only_adds() => Err(adds_only(&name()).into()),
            Some(Role::Append) => {
                self.wait_for_writer(journal).await?;
                Ok(Kind::Append)
            }
            Some(Role::Writer | Role::Admin) => Ok(said.kind.clone()),
        }
    }

    /// Who may only append cannot renew outdated keys (CHK-032), nor bring in a device of her own: a writer's device does both.
    async fn wait_for_writer(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let state = journal.state();
        let current = !self.is_outdated(&state);
        if current && self.is_cited(&state) {
            return Ok(());
        }
        self.ask_for_refresh(journal).await?;
        Err(Error::User(
            Failure::new(
                Code::TryAgain,
                "the keys have to be renewed first, by a device of somebody who may write",
            )
            .object(self.name_of(&journal.id))
            .hint("it was asked to; try again when one of them was online"),
        ))
    }

    /// Whether this device stands at a link that the journal's readers know.
    fn is_cited(&self, state: &JournalState) -> bool {
        let author = self.author();
        let account = self.account();
        let chain = account.known.state();
        let mut own = state.cites().filter(|cite| cite.account == author.account);
        own.any(|cite| chain.device_at(cite, &author.device).is_some())
    }

    async fn seal(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        state: Arc<JournalState>,
        kind: Kind,
        said: Arc<Said>,
    ) -> Result<SealedEntry> {
        let shared = Arc::clone(self);
        let sealed = tokio::task::spawn_blocking(move || {
            let ground = state.ground(shared.author(), &shared.device_keys.signing)?;
            let mut rng = rand::rng();
            let mut entry = EntryId::ZERO;
            rng.fill_bytes(&mut entry.0);
            let payload = Payload {
                time: crate::clock::now_ms(),
                device_name: shared.identity.device_name.clone(),
                cites: match kind {
                    Kind::Append => Vec::new(),
                    _ => shared.own_cite(&state),
                },
                content: said.content.clone(),
            };
            let parts = EntryDraft {
                entry,
                kind,
                adds: said.adds.clone(),
                drops: said.drops.clone(),
                payload: &payload,
            };
            Some(seal_entry(&ground, parts, &mut rng))
        });
        match sealed.await.map_err(Error::task)? {
            Some(Ok(sealed)) => Ok(sealed),
            Some(Err(error)) => Err(Error::User(Failure::new(Code::Internal, error.to_string()))),
            None => Err(Error::User(
                Failure::new(Code::Conflict, "this drive has ended or is not readable yet")
                    .object(self.name_of(&journal.id)),
            )),
        }
    }

    /// Stages a blob in a journal. A grant that died with its epoch is taken anew after a catch-up.
    pub(crate) async fn put_blob(
        self: &Arc<Self>,
        transport: &Transport,
        journal: &Arc<Journal>,
        id: &BlobId,
        bytes: Bytes,
    ) -> Result<()> {
        self.stage(transport, journal, id, bytes, false).await
    }

    async fn stage(
        self: &Arc<Self>,
        transport: &Transport,
        journal: &Arc<Journal>,
        id: &BlobId,
        bytes: Bytes,
        body: bool,
    ) -> Result<()> {
        for attempt in 0..2 {
            let grant = journal
                .grant()
                .ok_or_else(|| read_only(&self.name_of(&journal.id)))?;
            let put = if body {
                self.retry(|| transport.put_body(&journal.id, &grant, id, bytes.clone()))
                    .await
            } else {
                self.retry(|| transport.put_blob(&journal.id, &grant, id, bytes.clone()))
                    .await
            };
            match self.known(journal, put).await {
                Err(error) if attempt == 0 && ended(&error) => self.catch_up(journal).await?,
                other => return other,
            }
        }
        Ok(())
    }

    /// Body first, then the entry.
    pub(crate) async fn send_entry(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        sealed: &SealedEntry,
        tokens: &[[u8; 32]],
    ) -> Result<AppendResult> {
        for (id, bytes) in &sealed.body_blobs {
            self.stage(&self.transport, journal, id, Bytes::copy_from_slice(bytes), true)
                .await?;
        }
        journal.sent();
        let results = self
            .retry(|| {
                self.transport
                    .append(&journal.id, std::slice::from_ref(&sealed.entry), tokens)
            })
            .await;
        if results.as_ref().is_err_and(refused) {
            journal.settled();
        }
        let results = self.known(journal, results).await?;
        let result = results
            .into_iter()
            .next()
            .ok_or(TransportError::UnknownStatus { status: 200 })?;
        if !matches!(result, AppendResult::Done(_)) {
            journal.settled();
        }
        Ok(result)
    }

    /// A server that acknowledged entries of a journal and then knows no such journal shows less than it did (CHK-012).
    /// One whose maker closed her account has ended with it, and her own signature says so.
    pub(super) async fn known<T>(&self, journal: &Journal, result: Result<T>) -> Result<T> {
        match result {
            Err(error)
                if error.server_code() == Some(ErrorCode::NotFound) && journal.state().last().is_some() =>
            {
                if self.ended_with_its_maker(&journal.state()).await {
                    return Err(closed(&self.name_of(&journal.id)));
                }
                let gone = Error::lied(Check::Rollback, self.name_of(&journal.id));
                Err(self.alarm(&journal.id, gone).await)
            }
            result => result,
        }
    }

    /// The receipt is checked against what this device knows, then the entry is taken in from memory.
    pub(crate) async fn acknowledged(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        sealed: SealedEntry,
        receipt: Receipt,
        extra: Option<Extra>,
    ) -> Result<Ingested> {
        self.meets(journal, &receipt).await?;
        let body = match sealed.body_blobs.len() {
            0 => None,
            _ => Some(
                sealed
                    .body_blobs
                    .into_iter()
                    .flat_map(|(_, bytes)| bytes)
                    .collect(),
            ),
        };
        let own = Own {
            entry: sealed.header.entry,
            at: Seen {
                seq: receipt.seq,
                head: receipt.head,
            },
        };
        let stored = Stored {
            seq: receipt.seq,
            head: receipt.head,
            entry: sealed.entry,
            body_gone: false,
        };
        let ingested = self
            .take_with_body(journal, Arrived { stored, body }, Some(own), vec![receipt], extra)
            .await?;
        journal.settled();
        self.due.wrote(&journal.id);
        Ok(ingested)
    }
}

/// The server's own word that it did not store what was sent.
fn refused(error: &Error) -> bool {
    !matches!(
        error.server_code(),
        None | Some(ErrorCode::Internal | ErrorCode::Unavailable)
    )
}

/// The grant was for an epoch that has ended.
fn ended(error: &Error) -> bool {
    matches!(
        error.server_code(),
        Some(ErrorCode::Forbidden | ErrorCode::StaleEpoch)
    )
}

fn read_only(journal: &str) -> Error {
    Error::User(
        Failure::new(
            Code::Conflict,
            "this account may only read here, or the drive has ended",
        )
        .object(journal)
        .hint("crannog members shows roles; an admin can give you another one"),
    )
}

fn closed(journal: &str) -> Error {
    Failure::new(
        Code::NotFound,
        "it has ended: who made it closed her account, and signed that",
    )
    .object(journal)
    .hint("what is on this device is all that is left of it; crannog leave takes it out of sight")
    .into()
}

fn is_body(sealed: &SealedEntry, id: &BlobId) -> bool {
    sealed.body_blobs.iter().any(|(body, _)| body == id)
}

fn missing(ids: &[BlobId]) -> Error {
    TransportError::Server {
        code: ErrorCode::NotFound,
        ids: ids.to_vec(),
        retry_after: None,
    }
    .into()
}
