//! Every request is counted by its route, never by its path. With `log_addresses` refusals are logged with the address.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;

use super::{App, Peer};

pub(super) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let peer = request.extensions().get::<Peer>().copied();
    let method = name(request.method());
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status().as_u16();
    app.metrics.request(method, route, status, begun.elapsed());
    if let (true, 400..500, Some(Peer(address))) = (app.config.log_addresses, status, peer) {
        tracing::info!(address = %address, http.method = method, http.route = route, http.status = status, "a request was refused");
    }
    response
}

/// A client may send any word as a method; ours are few.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
