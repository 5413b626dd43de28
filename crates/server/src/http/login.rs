//! `POST /v1/login/challenge` and `POST /v1/login`. A challenge carries its own proof that it is ours; only that it was used is
//! remembered. A name that does not exist gets the same answers after the same work.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::{constant_time, rand};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use crannog_proto::api::{Challenge, ChallengeRequest, Login, Principal, Session, login_statement};
use crannog_proto::{ErrorCode, Hash, labels};

use super::body::{Borsh, read};
use super::{App, Peer};
use crate::clock::{Hour, now_ms};
use crate::error::ApiError;
use crate::store::NewSession;

const CHALLENGE_MS: i64 = 60_000;
pub(super) const REQUEST_MAX: usize = 1024;

pub(super) async fn challenge(
    State(app): State<Arc<App>>,
    Extension(Peer(address)): Extension<Peer>,
    body: Body,
) -> Result<Borsh<Challenge>, ApiError> {
    limit(&app, address)?;
    let request: ChallengeRequest = read(body, REQUEST_MAX, app.idle()).await?;
    let mut challenge = [0; 32];
    let mut random = [0; 8];
    rand::fill(&mut random).map_err(|_| ApiError::Task)?;
    let expires = now_ms().saturating_add(CHALLENGE_MS).to_le_bytes();
    let mark = mark(app.identity.login_key(), &expires, &random, &request.name);
    for (to, from) in challenge
        .iter_mut()
        .zip(expires.iter().chain(&random).chain(&mark))
    {
        *to = *from;
    }
    Ok(Borsh(Challenge { challenge }))
}

pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(Peer(address)): Extension<Peer>,
    body: Body,
) -> Result<Borsh<Session>, ApiError> {
    let request: Login = read(body, REQUEST_MAX, app.idle()).await?;
    check_challenge(&app, &request)?;
    let device = match &request.principal {
        Principal::Device(id) => Some(*id),
        Principal::Root => None,
    };
    let found = app.store.login_key(request.name.clone(), device).await?;
    let key = found
        .as_ref()
        .map_or_else(|| app.identity.receipt_key(), |found| found.key);
    let statement = login_statement(&app.identity.fingerprint(), &request.challenge, &request.name);
    let verified = key.verify(labels::LOGIN, &statement, &request.signature);
    let Some(found) = found.filter(|_| verified.is_ok()) else {
        // One challenge is good for one guess, not for many.
        limit(&app, address)?;
        return Err(ErrorCode::BadSignature.into());
    };
    if found.suspended {
        return Err(ErrorCode::Suspended.into());
    }
    let mut token = [0; 32];
    rand::fill(&mut token).map_err(|_| ApiError::Task)?;
    let seconds = u64::from(app.config.session_hours) * 3600;
    app.store
        .open_session(NewSession {
            hash: Hash::of(labels::SESSION_HASH, &token),
            account: found.account,
            device,
            expires: Hour::after(seconds),
            challenge: Hash::plain(&request.challenge),
            now: Hour::now(),
        })
        .await?;
    Ok(Borsh(Session {
        token,
        expires_in: u32::try_from(seconds).unwrap_or(u32::MAX),
    }))
}

/// 30 a minute per address.
pub(super) fn limit(app: &App, address: IpAddr) -> Result<(), ApiError> {
    app.logins
        .take(address, Instant::now())
        .map_err(|seconds| ApiError::Slow { seconds })
}

fn mark(key: &[u8; 32], expires: &[u8], random: &[u8], name: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(expires).update(random).update(name.as_bytes());
    let mut mark = [0; 16];
    hasher.finalize_xof().fill(&mut mark);
    mark
}

/// It is ours, for this name, and not over.
pub(super) fn check_challenge(app: &App, request: &Login) -> Result<(), ApiError> {
    let (expires, rest) = request.challenge.split_at(8);
    let (random, theirs) = rest.split_at(8);
    let ours = mark(app.identity.login_key(), expires, random, &request.name);
    constant_time::verify_slices_are_equal(&ours, theirs).map_err(|_| ErrorCode::Unauthorized)?;
    let expires = i64::from_le_bytes(expires.try_into().map_err(|_| ErrorCode::Unauthorized)?);
    if expires < now_ms() {
        Err(ErrorCode::Unauthorized.into())
    } else {
        Ok(())
    }
}
