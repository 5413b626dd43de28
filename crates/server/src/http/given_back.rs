//! Sigchains that a restored server lost: their links prove themselves, so nobody has to be believed (`docs/spec/identity.md`, Healing).

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use crannog_proto::api::{GiveBack, Login, LostAccount, Principal, login_statement};
use crannog_proto::entry::VerifiedEntry;
use crannog_proto::invite::Invite;
use crannog_proto::sigchain::{GenerationSecrets, SigchainState, SignedLink, verify_chain};
use crannog_proto::{AccountId, ErrorCode, Fingerprint, Hash, labels, limits};

use super::accounts::{chain_code, check_secrets, verify_genesis};
use super::body::{Borsh, read};
use super::caller::Caller;
use super::{App, Peer, login};
use crate::admin::invite_hash;
use crate::clock::Hour;
use crate::error::ApiError;
use crate::store::{GivenBack, GivenChain};

/// A sigchain; few are longer than ten links of 3 kB.
pub(super) const CHAIN_MAX: usize = 4 * 1024 * 1024;
/// The same with its secrets.
pub(super) const ACCOUNT_MAX: usize = 2 * CHAIN_MAX;
/// How often another device of the account may come between.
const ATTEMPTS: usize = 4;

/// By a device that the server may never have heard of: it stands at the end of the chain that it brings.
pub(super) async fn account(
    State(app): State<Arc<App>>,
    Extension(Peer(address)): Extension<Peer>,
    body: Body,
) -> Result<Borsh<()>, ApiError> {
    login::limit(&app, address)?;
    let request: GiveBack = read(body, ACCOUNT_MAX, app.idle()).await?;
    refuse_unless_healing(&app).await?;
    login::check_challenge(&app, &request.login)?;
    let id = account_of(&request.links)?;
    // Who holds neither an account nor an invite costs the server nothing.
    if app.store.account_of(id).await?.is_none() {
        let lost = request.lost.as_ref().ok_or(ErrorCode::NotFound)?;
        if !app.store.is_invited(invited_by(lost)?, Hour::now()).await? {
            return Err(ErrorCode::InviteInvalid.into());
        }
    }
    let pinned = app.identity.fingerprint();
    let task = tokio::task::spawn_blocking(move || Given::verify(request, &pinned));
    let given = Arc::new(task.await.map_err(|_| ApiError::Task)??);
    for _ in 0..ATTEMPTS {
        let stored = app.store.account_of(id).await?;
        let stored = stored.map(|account| account.links);
        let (of, there) = (Arc::clone(&given), stored.clone());
        let task = tokio::task::spawn_blocking(move || continues(&of.chain, there.as_deref()));
        let Some(kept) = task.await.map_err(|_| ApiError::Task)?? else {
            return Ok(Borsh(()));
        };
        let on = stored.and_then(|links| links.last().map(SignedLink::hash));
        if app.store.give_back_account(given.on(on, kept)).await? {
            app.forget_sessions();
            return Ok(Borsh(()));
        }
    }
    Err(ErrorCode::BadChain.into())
}

/// By anybody who follows it. The account itself waits for a device of its own, which alone has the secrets; a Close needs none.
pub(super) async fn chain(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Borsh<()>, ApiError> {
    let links: Vec<SignedLink> = read(body, CHAIN_MAX, app.idle()).await?;
    refuse_unless_healing(&app).await?;
    let id = account_of(&links)?;
    for _ in 0..ATTEMPTS {
        let stored = app.store.sigchain(id).await?.map(|found| found.links);
        let (given, there) = (links.clone(), stored.clone());
        let task = tokio::task::spawn_blocking(move || {
            let chain = verify_chain(&given).map_err(|error| chain_code(&error))?;
            continues(&chain, there.as_deref()).map(|new| new.map(|_| chain))
        });
        let Some(chain) = task.await.map_err(|_| ApiError::Task)?? else {
            return Ok(Borsh(()));
        };
        let given = GivenChain {
            account: id,
            by: caller.account,
            on: stored.and_then(|links| links.last().map(SignedLink::hash)),
            name: chain.name,
            closed: chain.closed,
            links: links.clone(),
        };
        if let Some(taken) = app.store.give_back_chain(given).await? {
            if let Some(closed) = taken.closed {
                app.forget_sessions();
                app.bell.close(Some(closed));
                app.blobs.remove_later(taken.freed);
            }
            return Ok(Borsh(()));
        }
    }
    Err(ErrorCode::BadChain.into())
}

async fn refuse_unless_healing(app: &App) -> Result<(), ApiError> {
    match app.store.healing().await? {
        Some(_) => Ok(()),
        None => Err(ErrorCode::Forbidden.into()),
    }
}

fn account_of(links: &[SignedLink]) -> Result<AccountId, ApiError> {
    let create = links.first().ok_or(ErrorCode::BadRequest)?;
    Ok(create.account_id())
}

/// Whether it says more than what is there, which it must continue: how many generations both have then. What is there may be longer by now:
/// then nothing is to be done.
fn continues(chain: &SigchainState, stored: Option<&[SignedLink]>) -> Result<Option<u32>, ApiError> {
    let Some(stored) = stored else {
        return Ok(Some(0));
    };
    let stored = verify_chain(stored).map_err(|error| chain_code(&error))?;
    if stored.check_continues(chain).is_ok() {
        return Ok(None);
    }
    chain
        .check_continues(&stored)
        .map_err(|error| chain_code(&error))?;
    let both = chain.generations.iter().zip(&stored.generations);
    let kept = both.take_while(|(one, other)| one == other).count();
    Ok(Some(u32::try_from(kept).unwrap_or(u32::MAX)))
}

/// An account whose chain, device and secrets are what they should be.
struct Given {
    chain: SigchainState,
    links: Vec<SignedLink>,
    secrets: Vec<GenerationSecrets>,
    invited: Option<(Hash, VerifiedEntry)>,
}

impl Given {
    fn verify(request: GiveBack, pinned: &Fingerprint) -> Result<Self, ApiError> {
        let chain = verify_chain(&request.links).map_err(|error| chain_code(&error))?;
        verify_device(&chain, &request.login, pinned)?;
        check_generations(&request.secrets, &chain)?;
        Ok(Self {
            chain,
            links: request.links,
            secrets: request.secrets,
            invited: request.lost.map(invited).transpose()?,
        })
    }

    fn on(&self, on: Option<Hash>, kept: u32) -> GivenBack {
        GivenBack {
            account: self.chain.account,
            on,
            kept,
            name: self.chain.name.clone(),
            root: self.chain.root,
            devices: self
                .chain
                .devices
                .iter()
                .map(|device| (device.id, device.sign))
                .collect(),
            links: self.links.clone(),
            secrets: self.secrets.clone(),
            invited: self.invited.clone(),
            now: Hour::now(),
        }
    }
}

fn verify_device(chain: &SigchainState, login: &Login, pinned: &Fingerprint) -> Result<(), ApiError> {
    let Principal::Device(id) = login.principal else {
        return Err(ErrorCode::BadRequest.into());
    };
    let device = chain.device(&id).ok_or(ErrorCode::BadSignature)?;
    let statement = login_statement(pinned, &login.challenge, &login.name);
    let signed = device.sign.verify(labels::LOGIN, &statement, &login.signature);
    match signed {
        Ok(()) if login.name == chain.name => Ok(()),
        _ => Err(ErrorCode::BadSignature.into()),
    }
}

/// One for each generation of the chain; what is stored is bounded by it, as that of links that come one by one.
fn check_generations(secrets: &[GenerationSecrets], chain: &SigchainState) -> Result<(), ApiError> {
    let (last, older) = secrets.split_last().ok_or(ErrorCode::BadRequest)?;
    let numbered = secrets.iter().map(|secrets| secrets.number);
    let wanted = chain.generations.iter().map(|generation| generation.number);
    let bare = |secrets: &GenerationSecrets| secrets.recovery.is_empty() && secrets.devices.is_empty();
    let linked = |secrets: &GenerationSecrets| match &secrets.previous {
        Some(previous) => secrets.number > 0 && previous.len() <= limits::WRAPPED_SECRET,
        None => secrets.number == 0,
    };
    if !numbered.eq(wanted) || !older.iter().all(bare) || !secrets.iter().all(linked) {
        return Err(ErrorCode::BadRequest.into());
    }
    check_secrets(last, chain)
}

fn invited(lost: LostAccount) -> Result<(Hash, VerifiedEntry), ApiError> {
    Ok((invited_by(&lost)?, verify_genesis(lost.home)?))
}

fn invited_by(lost: &LostAccount) -> Result<Hash, ApiError> {
    let invite: Invite = lost.invite.parse().map_err(|_| ErrorCode::InviteInvalid)?;
    Ok(invite_hash(&invite))
}
