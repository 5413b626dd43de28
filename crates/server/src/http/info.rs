//! `GET /v1/server`.

use std::sync::Arc;

use axum::extract::State;
use crannog_proto::api::ServerInfo;

use super::App;
use super::body::Borsh;
use crate::clock::now_ms;

pub(super) async fn show(State(app): State<Arc<App>>) -> Borsh<ServerInfo> {
    Borsh(ServerInfo {
        ca_fingerprint: app.identity.fingerprint(),
        receipt_key: app.identity.receipt_key(),
        receipt_key_signature: app.identity.receipt_key_signature(),
        time: now_ms(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
