//! From replies and refusals to bytes on the wire.

use bytes::Bytes;
use crannog_keyd_client::{Refusal, Reply, Wrong};
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;
use zeroize::Zeroizing;

/// Wiped when hyper has sent it.
struct Wiped(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The response to one request. `last`: the connection ends with it.
pub(super) fn of(result: Result<Reply, Refusal>, last: bool) -> Response<Full<Bytes>> {
    let written = match &result {
        Ok(reply) => reply.to_json().map(|body| (reply.status, body)),
        Err(refusal) => refusal.to_json().map(|body| (refusal.status, Some(body))),
    };
    let (status, body) = written.unwrap_or_else(|error| unwritable(&error));
    let mut response = Response::new(match body {
        Some(body) => Full::new(Bytes::from_owner(Wiped(body))),
        None => Full::default(),
    });
    let has_body = status != 204;
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if has_body {
        // Some clients compare it byte by byte.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut closes = last;
    if let Err(refusal) = &result {
        closes |= refusal.closes();
        if let Some(allow) = refusal.allow.as_deref().and_then(|allow| allow.parse().ok()) {
            headers.insert(ALLOW, allow);
        }
        if let Some(seconds) = refusal.retry_after_seconds() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
    }
    if closes {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn unwritable(error: &Wrong) -> (u16, Option<Zeroizing<Vec<u8>>>) {
    tracing::error!(%error, "an answer cannot be written");
    (
        500,
        Some(Zeroizing::new(br#"{"errors":["the service failed"]}"#.to_vec())),
    )
}
