//! After a restore: whether the server waits for what it lost, and which blobs it lacks.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use crannog_proto::api::Healing;
use crannog_proto::{BlobId, ErrorCode, limits};
use http::HeaderMap;

use super::body::{Borsh, read};
use super::caller::AnyCaller;
use super::journals::journal_id;
use super::{App, access};
use crate::error::ApiError;

/// The ids that one entry can name, and their number.
pub(super) const LACKING_MAX: usize = limits::IDS_MAX * 32 + 4;

pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Borsh<Option<Healing>>, ApiError> {
    let taken = app.store.healing().await?;
    Ok(Borsh(taken.map(|taken| Healing { taken })))
}

pub(super) async fn lacking(
    State(app): State<Arc<App>>,
    _caller: AnyCaller,
    Path(journal): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Borsh<Vec<BlobId>>, ApiError> {
    let id = journal_id(&journal)?;
    if !access::reader(&app, id, &headers).await?.live {
        return Err(ErrorCode::Forbidden.into());
    }
    let blobs: Vec<BlobId> = read(body, LACKING_MAX, app.idle()).await?;
    Ok(Borsh(app.store.lacking(id, blobs).await?))
}
