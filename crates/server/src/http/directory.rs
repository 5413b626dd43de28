//! `GET /v1/directory/NAME`.

use std::sync::Arc;

use axum::extract::{Path, State};
use crannog_proto::ErrorCode;
use crannog_proto::api::DirectoryEntry;

use super::App;
use super::body::Borsh;
use super::caller::AnyCaller;
use crate::error::ApiError;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    _caller: AnyCaller,
    Path(name): Path<String>,
) -> Result<Borsh<DirectoryEntry>, ApiError> {
    let account = app.store.account_named(name).await?.ok_or(ErrorCode::NotFound)?;
    Ok(Borsh(DirectoryEntry {
        name: account.name,
        links: account.links,
    }))
}
