//! Inboxes: dropping something into another's, reading and emptying one's own. Who drops is known to its session's limit and to
//! nothing else: it is neither stored nor logged.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use crannog_proto::api::Inbox;
use crannog_proto::{AccountId, ErrorCode, limits};
use http::StatusCode;

use super::App;
use super::body::{Borsh, read_bytes};
use super::caller::{Caller, hex};
use crate::clock::Hour;
use crate::error::ApiError;
use crate::store::NewDrop;

const DAY: u64 = 86_400;
pub(super) const LARGEST: usize = limits::DROP_SIZES[2];

pub(super) async fn put(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(account): Path<String>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let account: AccountId = account.parse().map_err(|_| ErrorCode::BadRequest)?;
    let sealed = match read_bytes(body, LARGEST, app.idle()).await {
        Err(error) if error.code() == ErrorCode::TooLarge => return Err(ErrorCode::BadRequest.into()),
        read => read?,
    };
    if !limits::DROP_SIZES.contains(&sealed.len()) {
        return Err(ErrorCode::BadRequest.into());
    }
    app.drops
        .take(caller.account, Instant::now())
        .map_err(|seconds| ApiError::Slow { seconds })?;
    let new = NewDrop {
        id: id_of(&account, &sealed),
        account,
        sealed,
        expires: Hour::after(u64::from(limits::DROP_DAYS) * DAY),
    };
    // A client that hangs up does not stop what it began: bells have to ring for what stands.
    let task = tokio::spawn(async move {
        let dropped = app.store.put_drop(new).await?;
        if dropped.fresh {
            app.bell.dropped(dropped.account);
        }
        Ok::<_, ApiError>(StatusCode::NO_CONTENT)
    });
    task.await.map_err(|_| ApiError::Task)?
}

/// The same drop, sent again, has the same id: it lies there once.
fn id_of(account: &AccountId, sealed: &[u8]) -> [u8; 16] {
    let mut hash = blake3::Hasher::new_derive_key("crannogd 2026 drop");
    hash.update(&account.0).update(sealed);
    let mut id = [0; 16];
    hash.finalize_xof().fill(&mut id);
    id
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
) -> Result<Borsh<Inbox>, ApiError> {
    let drops = app.store.drops(caller.account, Hour::now()).await?;
    Ok(Borsh(Inbox { drops }))
}

pub(super) async fn done(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = hex(id.as_bytes()).ok_or(ErrorCode::BadRequest)?;
    app.store.remove_drop(caller.account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
