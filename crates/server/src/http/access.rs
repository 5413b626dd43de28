//! What a request may do in a journal: read tokens and write grants.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crannog_proto::api::{HEAL, HEAL_HEADER, READ_HEADER, WRITE_HEADER};
use crannog_proto::entry::VerifiedEntry;
use crannog_proto::sign::{Signature, VerifyingKey};
use crannog_proto::{ErrorCode, Hash, JournalId, Kind, labels};
use http::HeaderMap;

use super::App;
use super::caller::{AnyCaller, hex};
use crate::error::ApiError;
use crate::store::{JournalView, Reader};

/// Most read tokens of one request.
const TOKENS: usize = 16;
const MOST: usize = 65_536;

/// By which key a write grant was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GrantedBy {
    /// The write key.
    Writer,
    /// The append key: for what only adds.
    Append,
}

/// Grants that verified; in memory only, as hashes.
#[derive(Debug, Default)]
pub(super) struct Grants(Mutex<HashMap<Hash, GrantedBy>>);

impl Grants {
    fn by(&self, grant: &Hash) -> Option<GrantedBy> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(grant)
            .copied()
    }

    fn learn(&self, grant: Hash, by: GrantedBy) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(grant, by);
    }
}

/// The hashes of all read tokens that came along.
pub(super) fn read_tokens(headers: &HeaderMap) -> Result<Vec<Hash>, ApiError> {
    let mut tokens = Vec::new();
    for value in headers.get_all(READ_HEADER) {
        for part in value.as_bytes().split(|byte| *byte == b',') {
            let token: [u8; 32] = hex(part.trim_ascii()).ok_or(ErrorCode::BadRequest)?;
            tokens.push(Hash::of(labels::READ_TOKEN_HASH, &token));
        }
    }
    if tokens.len() > TOKENS {
        Err(ErrorCode::BadRequest.into())
    } else {
        Ok(tokens)
    }
}

/// The request gives back what was acknowledged before and lost with the server's disk.
pub(super) fn gives_back(headers: &HeaderMap) -> bool {
    headers.get(HEAL_HEADER).is_some_and(|value| value == HEAL)
}

/// While the server heals, nothing new takes the place of what was acknowledged to others.
pub(super) fn refuse_new(view: &JournalView, gives_back: bool) -> Result<(), ApiError> {
    if view.healing && !gives_back {
        return Err(ErrorCode::Healing.into());
    }
    Ok(())
}

/// What the one read token opens in this journal. A wrong token and no such journal look the same.
pub(super) async fn reader(app: &App, journal: JournalId, headers: &HeaderMap) -> Result<Reader, ApiError> {
    let tokens = read_tokens(headers)?;
    let token = tokens.first().ok_or(ErrorCode::Forbidden)?;
    Ok(app
        .store
        .reader(journal, *token)
        .await?
        .ok_or(ErrorCode::NotFound)?)
}

/// Checks the write grant; a good one of an epoch that has ended says so.
pub(super) async fn writer(
    app: &App,
    caller: &AnyCaller,
    id: JournalId,
    headers: &HeaderMap,
) -> Result<(JournalView, GrantedBy), ApiError> {
    let header = headers.get(WRITE_HEADER).ok_or(ErrorCode::Forbidden)?;
    let (epoch, grant) = parse_grant(header.as_bytes()).ok_or(ErrorCode::BadRequest)?;
    let view = app.store.journal(id).await?.ok_or(ErrorCode::NotFound)?;
    let statement = crannog_proto::encode(&(id, epoch, caller.session));
    let known = Hash::of_parts(labels::WRITE_GRANT, &[&statement, &grant.0]);
    let by = match app.grants.by(&known) {
        Some(by) => by,
        None => {
            let keys = app.store.epoch(id, epoch).await?.ok_or(ErrorCode::Forbidden)?;
            let both = [
                (keys.write_key, GrantedBy::Writer),
                (keys.append_key, GrantedBy::Append),
            ];
            let made = |key: &VerifyingKey| key.verify(labels::WRITE_GRANT, &statement, &grant).is_ok();
            let (_, by) = both
                .into_iter()
                .find(|(key, _)| made(key))
                .ok_or(ErrorCode::Forbidden)?;
            app.grants.learn(known, by);
            by
        }
    };
    if epoch != view.epoch {
        return Err(ErrorCode::StaleEpoch.into());
    }
    if view.closed {
        Err(ErrorCode::JournalClosed.into())
    } else {
        Ok((view, by))
    }
}

/// Only whoever made a journal ever held the admin key of its first epoch: nobody else makes it again as hers, with its quota and its end.
pub(super) fn maker(
    caller: &AnyCaller,
    genesis: &VerifiedEntry,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    let header = headers.get(WRITE_HEADER).ok_or(ErrorCode::Forbidden)?;
    let (epoch, grant) = parse_grant(header.as_bytes()).ok_or(ErrorCode::BadRequest)?;
    let Kind::Genesis(keys) = &genesis.header().kind else {
        return Err(ErrorCode::BadRequest.into());
    };
    let id = JournalId::of_genesis(&genesis.entry().header);
    let statement = crannog_proto::encode(&(id, epoch, caller.session));
    let made = keys.admin_key.verify(labels::WRITE_GRANT, &statement, &grant);
    match made {
        Ok(()) if epoch == 0 => Ok(()),
        _ => Err(ErrorCode::Forbidden.into()),
    }
}

fn parse_grant(header: &[u8]) -> Option<(u64, Signature)> {
    let (epoch, grant) = std::str::from_utf8(header).ok()?.split_once(':')?;
    Some((epoch.parse().ok()?, Signature(hex(grant.as_bytes())?)))
}
