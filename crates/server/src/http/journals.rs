//! Journals: making, reading pages, appending.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use crannog_proto::api::{Append, AppendResult, Appended, Page, Ring, Stored};
use crannog_proto::entry::{EntryIn, VerifiedEntry};
use crannog_proto::{
    BlobId, Entry, EpochPublic, ErrorCode, Hash, JournalId, Kind, Place, Receipt, decode, limits,
};
use http::HeaderMap;
use serde::Deserialize;

use super::accounts::{entry_code, verify_genesis};
use super::body::{Borsh, read, read_bytes};
use super::caller::{AnyCaller, Caller};
use super::{App, access};
use crate::clock::Hour;
use crate::error::ApiError;
use crate::store::{Batch, BatchDone, Outcome, Row};

/// Entries up to this size ring with their bell.
const SMALL: usize = 32 * 1024;
pub(super) const GENESIS_MAX: usize = limits::HEADER_MAX + limits::INLINE_BODY_MAX + 1024;
/// How often an append settles files that changed meanwhile.
const TRIES: usize = 4;

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Borsh<Receipt>, ApiError> {
    let entry: Entry = read(body, GENESIS_MAX, app.idle()).await?;
    let genesis = verify_genesis(entry)?;
    let id = JournalId::of_genesis(&genesis.entry().header);
    let gives_back = access::gives_back(&headers);
    if gives_back && app.store.healing().await?.is_some() {
        access::maker(&caller, &genesis, &headers)?;
    }
    let placed = app
        .store
        .create_journal(caller.account, genesis, gives_back)
        .await?;
    Ok(Borsh(app.identity.receipt(id, placed.seq, placed.head)))
}

#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    after: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    _caller: AnyCaller,
    Path(journal): Path<String>,
    query: Result<Query<PageQuery>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Borsh<Page>, ApiError> {
    let id = journal_id(&journal)?;
    let Query(query) = query.map_err(|_| ErrorCode::BadRequest)?;
    let reader = access::reader(&app, id, &headers).await?;
    let from = query
        .after
        .map_or(0, |after| after.saturating_add(1))
        .max(reader.from);
    let limit = query
        .limit
        .unwrap_or(limits::PAGE_ENTRIES)
        .clamp(1, limits::PAGE_ENTRIES);
    let rows = app.store.entries(id, from, reader.last.seq, limit).await?;
    let last = app.identity.receipt(id, reader.last.seq, reader.last.head);
    Ok(Borsh(Page {
        entries: rows.into_iter().map(stored).collect(),
        last,
    }))
}

pub(super) fn stored(row: Row) -> Stored {
    Stored {
        seq: row.placed.seq,
        head: row.placed.head,
        entry: row.entry,
        body_gone: row.body_gone,
    }
}

pub(super) async fn append(
    State(app): State<Arc<App>>,
    Caller(_caller): Caller,
    Path(journal): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Borsh<Appended>, ApiError> {
    let id = journal_id(&journal)?;
    let (tokens, gives_back) = (access::read_tokens(&headers)?, access::gives_back(&headers));
    let bytes = read_bytes(body, limits::APPEND_MAX, app.idle()).await?;
    let view = app.store.journal(id).await?.ok_or(ErrorCode::NotFound)?;
    access::refuse_new(&view, gives_back)?;
    // A client that hangs up does not stop what it began: bells have to ring for what stands.
    let task = tokio::spawn(async move {
        let (entries, refused) = verify_all(&app, id, view.epoch, bytes).await?;
        let results = append_all(&app, id, entries, (tokens, gives_back), refused).await?;
        Ok::<_, ApiError>(Borsh(Appended { results }))
    });
    task.await.map_err(|_| ApiError::Task)?
}

/// Verifies every entry under the keys of its own epoch, which is one that was, or one that this very request opens.
async fn verify_all(
    app: &App,
    id: JournalId,
    current: u64,
    bytes: Vec<u8>,
) -> Result<(Vec<VerifiedEntry>, Option<ErrorCode>), ApiError> {
    let task = tokio::task::spawn_blocking(move || {
        let request: Append = decode(&bytes).map_err(|_| ErrorCode::BadRequest)?;
        if request.entries.is_empty() || request.entries.len() > limits::APPEND_ENTRIES {
            return Err(ErrorCode::BadRequest);
        }
        Ok(request.entries.into_iter().map(EntryIn::new).collect::<Vec<_>>())
    });
    let entries = task.await.map_err(|_| ApiError::Task)??;
    let mut keys: HashMap<u64, EpochPublic> = HashMap::new();
    let mut verified = Vec::with_capacity(entries.len());
    for entry in entries {
        let entry = match entry {
            Ok(entry) if entry.header().journal == id => entry,
            Ok(_) => return Ok((verified, Some(ErrorCode::BadRequest))),
            Err(error) => return Ok((verified, Some(entry_code(&error)))),
        };
        let epoch = entry.header().epoch;
        let known = match keys.get(&epoch) {
            Some(known) => Some(*known),
            None if epoch <= current => app.store.epoch(id, epoch).await?,
            None => None,
        };
        let Some(known) = known else {
            return Ok((verified, Some(ErrorCode::StaleEpoch)));
        };
        keys.insert(epoch, known);
        if let Kind::Rekey { next, .. } = &entry.header().kind {
            keys.insert(epoch.saturating_add(1), *next);
        }
        match entry.verify(&known) {
            Ok(entry) => verified.push(entry),
            Err(error) => return Ok((verified, Some(entry_code(&error)))),
        }
    }
    Ok((verified, None))
}

async fn append_all(
    app: &App,
    id: JournalId,
    entries: Vec<VerifiedEntry>,
    (tokens, gives_back): (Vec<Hash>, bool),
    refused: Option<ErrorCode>,
) -> Result<Vec<AppendResult>, ApiError> {
    let mut results = Vec::with_capacity(entries.len() + 1);
    let mut left = entries;
    let blobs: Vec<BlobId> = left
        .iter()
        .flat_map(|entry| entry.header().held_blobs().copied())
        .collect();
    let mut unsynced = if blobs.is_empty() {
        Vec::new()
    } else {
        app.store.unsynced(id, blobs).await?
    };
    let mut synced = std::collections::HashSet::new();
    for _ in 0..TRIES {
        if !unsynced.is_empty() {
            for bad in app.syncer.settle(&unsynced).await.map_err(ApiError::disk)? {
                unsynced.retain(|file| file.name != bad.name);
                app.store.unstage(id, bad).await?;
                app.blobs.remove_later(vec![bad.name]);
            }
            synced.extend(unsynced.drain(..).map(|file| file.name));
        }
        let batch = Batch {
            journal: id,
            entries: left.clone(),
            tokens: tokens.clone(),
            synced: synced.clone(),
            gives_back,
            now: Hour::now(),
        };
        let done: BatchDone = if left.is_empty() {
            BatchDone::default()
        } else {
            app.store.append(batch).await?
        };
        app.syncer.forget(&done.freed);
        app.blobs.remove_later(done.freed);
        let count = done.outcomes.len();
        let mut again = false;
        for (outcome, entry) in done.outcomes.into_iter().zip(&left) {
            match outcome {
                Outcome::Done { placed, fresh } => {
                    let receipt = app.identity.receipt(id, placed.seq, placed.head);
                    if fresh {
                        ring(app, receipt, entry);
                    }
                    results.push(AppendResult::Done(receipt));
                }
                Outcome::Missing(ids) => return Ok(and(results, AppendResult::Missing(ids))),
                Outcome::Refused(code) => return Ok(and(results, refusal(code))),
                Outcome::Unsynced(files) => {
                    unsynced = files;
                    again = true;
                }
            }
        }
        if !again {
            return Ok(match refused {
                Some(code) => and(results, refusal(code)),
                None => results,
            });
        }
        left.drain(..count.saturating_sub(1));
    }
    Err(ErrorCode::Unavailable.into())
}

fn ring(app: &App, last: Receipt, entry: &VerifiedEntry) {
    let (header, entry) = (entry.header(), entry.entry());
    let small = header.body.place == Place::Inline && entry.header.len() + entry.body.len() <= SMALL;
    let stored = small.then(|| Stored {
        seq: last.seq,
        head: last.head,
        entry: entry.clone(),
        body_gone: false,
    });
    app.bell.ring(header.epoch, &Ring { last, entry: stored });
}

fn and(mut results: Vec<AppendResult>, last: AppendResult) -> Vec<AppendResult> {
    results.push(last);
    results
}

fn refusal(code: ErrorCode) -> AppendResult {
    AppendResult::Refused {
        code: code.as_str().to_owned(),
    }
}

pub(super) fn journal_id(text: &str) -> Result<JournalId, ApiError> {
    Ok(text.parse().map_err(|_| ErrorCode::BadRequest)?)
}
