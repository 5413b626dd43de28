//! Who calls: the session of `authorization: Bearer HEX`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use crannog_proto::{ErrorCode, Hash, labels};
use http::header::AUTHORIZATION;
use http::request::Parts;
use tokio::sync::Semaphore;

use super::App;
use crate::clock::Hour;
use crate::error::ApiError;
use crate::store::AccountKey;

/// Any session, that of a root too.
#[derive(Debug, Clone)]
pub(super) struct AnyCaller {
    pub(super) account: AccountKey,
    pub(super) root: bool,
    pub(super) expires: Hour,
    pub(super) session: Hash,
    pub(super) uploads: Arc<Semaphore>,
}

/// A device's session.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) AnyCaller);

impl FromRequestParts<Arc<App>> for AnyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let token: [u8; 32] = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
            .and_then(hex)
            .ok_or(ErrorCode::Unauthorized)?;
        let session = Hash::of(labels::SESSION_HASH, &token);
        let live = app.sessions.find(app.store.as_ref(), session).await?;
        Ok(Self {
            account: live.account,
            root: live.root,
            expires: live.expires,
            session,
            uploads: live.uploads,
        })
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let caller = AnyCaller::from_request_parts(parts, app).await?;
        if caller.root {
            Err(ErrorCode::Forbidden.into())
        } else {
            Ok(Self(caller))
        }
    }
}

/// Exactly N bytes in lower-case hex.
pub(super) fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    data_encoding::HEXLOWER.decode(text).ok()?.try_into().ok()
}
