//! Accounts: registration, one's own view, new links.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use crannog_proto::api::{AccountView, AppendLink, LinkSecrets, Register, Registered};
use crannog_proto::entry::{EntryError, EntryIn, VerifiedEntry};
use crannog_proto::invite::Invite;
use crannog_proto::sigchain::{ChainError, GenerationSecrets, Link, LinkKind, SigchainState, verify_chain};
use crannog_proto::{DeviceId, Entry, EpochPublic, ErrorCode, JournalId, Kind, Place, decode, limits};

use super::body::{Borsh, read};
use super::caller::AnyCaller;
use super::{App, Peer, login};
use crate::admin::invite_hash;
use crate::clock::Hour;
use crate::error::ApiError;
use crate::store::{NewAccount, NewLink, Stands};

/// A link with its secrets: 256 envelopes of 1.2 kB, and what is around them.
pub(super) const REQUEST_MAX: usize = 512 * 1024;

pub(super) async fn register(
    State(app): State<Arc<App>>,
    Extension(Peer(address)): Extension<Peer>,
    body: Body,
) -> Result<Borsh<Registered>, ApiError> {
    login::limit(&app, address)?;
    let request: Register = read(body, REQUEST_MAX, app.idle()).await?;
    let invite: Invite = request.invite.parse().map_err(|_| ErrorCode::InviteInvalid)?;
    let chain = SigchainState::create(&request.link).map_err(|error| chain_code(&error))?;
    check_secrets(&request.secrets, &chain)?;
    let home = verify_genesis(request.home)?;
    let id = JournalId::of_genesis(&home.entry().header);
    let device = chain.devices.first().ok_or(ErrorCode::BadRequest)?;
    let new = NewAccount {
        invite: invite_hash(&invite),
        account: chain.account,
        device: (device.id, device.sign),
        root: chain.root,
        name: chain.name,
        link: request.link,
        secrets: request.secrets,
        home,
        now: Hour::now(),
    };
    let placed = app.store.register(new).await?;
    Ok(Borsh(Registered {
        receipt: app.identity.receipt(id, placed.seq, placed.head),
    }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: AnyCaller,
) -> Result<Borsh<AccountView>, ApiError> {
    let account = app
        .store
        .account(caller.account)
        .await?
        .ok_or(ErrorCode::Unauthorized)?;
    let secrets = app.store.generations(caller.account).await?;
    Ok(Borsh(AccountView {
        name: account.name,
        links: account.links,
        secrets,
        home: account.home,
        quota: account.quota,
        used: account.used,
    }))
}

pub(super) async fn append_link(
    State(app): State<Arc<App>>,
    caller: AnyCaller,
    body: Body,
) -> Result<Borsh<()>, ApiError> {
    let request: AppendLink = read(body, REQUEST_MAX, app.idle()).await?;
    let account = app
        .store
        .account(caller.account)
        .await?
        .ok_or(ErrorCode::Unauthorized)?;
    let link: Link = decode(&request.link.link).map_err(|_| ErrorCode::BadRequest)?;
    // The same link once more, because its answer was lost.
    if account
        .links
        .get(link.seq as usize)
        .is_some_and(|known| known.hash() == request.link.hash())
    {
        return Ok(Borsh(()));
    }
    let task = tokio::task::spawn_blocking(move || verify_link(&account.links, link, request));
    let (new, closed) = task.await.map_err(|_| ApiError::Task)??;
    if closed {
        let freed = app.store.close_account(caller.account, new).await?;
        app.forget_sessions();
        app.bell.close(Some(caller.account));
        app.blobs.remove_later(freed);
        return Ok(Borsh(()));
    }
    app.store.append_link(caller.account, new).await?;
    app.forget_sessions();
    Ok(Borsh(()))
}

/// The link, and whether it closes the account.
fn verify_link(
    links: &[crannog_proto::sigchain::SignedLink],
    link: Link,
    request: AppendLink,
) -> Result<(NewLink, bool), ApiError> {
    let mut state = verify_chain(links).map_err(|error| chain_code(&error))?;
    let last = state.cite().head;
    let prev = link.prev;
    state.apply(&request.link).map_err(|error| chain_code(&error))?;
    let generation = state.generation().map_or(0, |generation| generation.number);
    match (&link.kind, &request.secrets) {
        (LinkKind::AddDevice { device }, LinkSecrets::Device(envelope)) => {
            if envelope.device != device.id || envelope.wrapped.len() > limits::WRAPPED_SECRET {
                return Err(ErrorCode::BadRequest.into());
            }
        }
        (LinkKind::Close, LinkSecrets::None) => {}
        (LinkKind::AddDevice { .. } | LinkKind::Create { .. } | LinkKind::Close, _) => {
            return Err(ErrorCode::BadRequest.into());
        }
        (_, LinkSecrets::Generation(secrets)) => check_secrets(secrets, &state)?,
        _ => return Err(ErrorCode::BadRequest.into()),
    }
    let closed = state.closed;
    let new = NewLink {
        seq: link.seq,
        on: match link.kind {
            LinkKind::Close => Stands::OverDevices { prev },
            _ => Stands::Last(last),
        },
        generation,
        root: state.root,
        devices: state
            .devices
            .iter()
            .map(|device| (device.id, device.sign))
            .collect(),
        link: request.link,
        secrets: request.secrets,
    };
    Ok((new, closed))
}

/// What a link brings is stored uncharged: no more of it than the chain that it leads to can use.
pub(super) fn check_secrets(secrets: &GenerationSecrets, chain: &SigchainState) -> Result<(), ApiError> {
    let long = |bytes: &[u8]| bytes.len() > limits::WRAPPED_SECRET;
    let named: BTreeSet<DeviceId> = secrets.devices.iter().map(|envelope| envelope.device).collect();
    let valid: BTreeSet<DeviceId> = chain.devices.iter().map(|device| device.id).collect();
    let bad = chain.generation().map(|generation| generation.number) != Some(secrets.number)
        || secrets.devices.len() != named.len()
        || named != valid
        || long(&secrets.recovery)
        || secrets.previous.as_deref().is_some_and(long)
        || secrets.devices.iter().any(|envelope| long(&envelope.wrapped));
    if bad {
        Err(ErrorCode::BadRequest.into())
    } else {
        Ok(())
    }
}

/// A genesis stands alone: its body is inline and it names no blob, for there is no journal yet to put one in.
pub(super) fn verify_genesis(entry: Entry) -> Result<VerifiedEntry, ApiError> {
    let entry = EntryIn::new(entry).map_err(|error| entry_code(&error))?;
    let header = entry.header();
    let alone = header.adds.is_empty() && header.drops.is_empty() && header.body.place == Place::Inline;
    let Kind::Genesis(keys) = header.kind.clone() else {
        return Err(ErrorCode::BadRequest.into());
    };
    if !alone {
        return Err(ErrorCode::BadRequest.into());
    }
    verify(entry, &keys)
}

pub(super) fn verify(entry: EntryIn, keys: &EpochPublic) -> Result<VerifiedEntry, ApiError> {
    Ok(entry.verify(keys).map_err(|error| entry_code(&error))?)
}

pub(super) fn entry_code(error: &EntryError) -> ErrorCode {
    match error {
        EntryError::Signature => ErrorCode::BadSignature,
        _ => ErrorCode::BadRequest,
    }
}

pub(super) fn chain_code(error: &ChainError) -> ErrorCode {
    match error {
        ChainError::Decode(_) | ChainError::Version(_) | ChainError::Limit(_) => ErrorCode::BadRequest,
        ChainError::Signature(_) => ErrorCode::BadSignature,
        _ => ErrorCode::BadChain,
    }
}
