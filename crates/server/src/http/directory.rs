//! `GET /v1/directory/NAME`, or by account id: no name is as long as one.

use std::sync::Arc;

use axum::extract::{Path, State};
use crannog_proto::api::DirectoryEntry;
use crannog_proto::{AccountId, ErrorCode};

use super::App;
use super::body::Borsh;
use super::caller::AnyCaller;
use crate::error::ApiError;
use crate::store::Sigchain;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    _caller: AnyCaller,
    Path(key): Path<String>,
) -> Result<Borsh<DirectoryEntry>, ApiError> {
    let found = match key.parse::<AccountId>() {
        Ok(id) => app.store.sigchain(id).await?,
        Err(_) => match app.store.account_named(key.clone()).await? {
            Some(account) => match account.links.first() {
                Some(create) => app.store.sigchain(create.account_id()).await?,
                None => None,
            },
            None => app.store.closed_named(key).await?,
        },
    };
    let Sigchain { name, links } = found.ok_or(ErrorCode::NotFound)?;
    Ok(Borsh(DirectoryEntry { name, links }))
}
