//! All routes, in the order of `docs/spec/api.md`.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};
use crannog_proto::ErrorCode;

use super::observe::observe;
use super::{App, accounts, bell, blobs, directory, healing, inbox, info, journals, login};
use crate::error::ApiError;

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/server", get(info::show))
        .route("/v1/accounts", post(accounts::register))
        .route("/v1/login/challenge", post(login::challenge))
        .route("/v1/login", post(login::login))
        .route("/v1/account", get(accounts::show))
        .route("/v1/account/links", post(accounts::append_link))
        .route("/v1/directory/{name}", get(directory::show))
        .route("/v1/inbox", get(inbox::show))
        .route("/v1/inbox/{id}", post(inbox::put).delete(inbox::done))
        .route("/v1/journals", post(journals::create))
        .route(
            "/v1/journals/{journal}/entries",
            get(journals::page).post(journals::append),
        )
        .route(
            "/v1/journals/{journal}/blobs/{blob}",
            put(blobs::put).get(blobs::read),
        )
        .route("/v1/journals/{journal}/lacking", post(healing::lacking))
        .route("/v1/healing", get(healing::show))
        .route("/v1/bell", get(bell::open))
        .fallback(async || ApiError::Refused(ErrorCode::NotFound))
        .method_not_allowed_fallback(async || ApiError::Refused(ErrorCode::BadRequest))
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}
