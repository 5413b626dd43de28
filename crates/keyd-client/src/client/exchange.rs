//! One call and its answer: bounded before it is read, never redirected, never coded (CHK-024, CHK-028, CHK-029).

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use zeroize::Zeroizing;

use super::Settings;
use super::pool::Pool;
use crate::answer::{Answer, Reply};
use crate::call::{Call, Limits, Sent};
use crate::error::{Error, Misbehaviour, Misuse};
use crate::json::{self, Wiped};
use crate::refusal::{Refusal, shown};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Room made for an announced answer at once; for more, as it comes.
const PRESIZED: usize = 1024 * 1024;

pub(super) async fn exchange(pool: &Pool, settings: &Settings, call: &Call) -> Result<Reply, Error> {
    let sent = call
        .write(&settings.mount)
        .map_err(|wrong| Error::Misuse(Misuse::Body(wrong)))?;
    let Sent { method, target, body } = sent;
    let body = Bytes::from_owner(body);
    let request = || {
        let mut builder = Request::builder()
            .method(&method)
            .uri(&target)
            .header(HOST, pool.door.host());
        if !body.is_empty() {
            builder = builder.header(CONTENT_TYPE, JSON);
        }
        builder
            .body(Full::new(body.clone()))
            .map_err(|_| Error::Misuse(Misuse::Address))
    };
    let _turn = pool.turns.acquire().await.map_err(|_| Error::Broken)?;
    if let Some(mut connection) = pool.kept().await {
        match connection.sender.try_send_request(request()?).await {
            Ok(response) => {
                let reply = receive(response, settings, call).await?;
                pool.keep(connection);
                return reply;
            }
            Err(mut error) => {
                let unsent = error.take_message().is_some();
                let error = error.into_error();
                if error.is_parse() || !(unsent || call.is_repeatable()) {
                    return Err(unanswered(&error));
                }
                pool.forget();
            }
        }
    }
    let mut connection = pool.open().await?;
    let response = connection
        .sender
        .send_request(request()?)
        .await
        .map_err(|error| unanswered(&error))?;
    let reply = receive(response, settings, call).await?;
    pool.keep(connection);
    reply
}

fn unanswered(error: &hyper::Error) -> Error {
    #[cfg(feature = "tls")]
    if let Some(error) = super::tls::refused(error) {
        return error;
    }
    if error.is_parse() {
        Error::Misbehaved(Misbehaviour::NotHttp)
    } else {
        Error::Broken
    }
}

/// The outer error spoils the connection; the inner one is the service's answer, read to its end.
async fn receive(
    response: Response<Incoming>,
    settings: &Settings,
    call: &Call,
) -> Result<Result<Reply, Error>, Error> {
    let (head, body) = response.into_parts();
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err(Error::Misbehaved(Misbehaviour::ContentEncoding));
    }
    if head.status == StatusCode::NO_CONTENT {
        return Ok(empty(call, head.status));
    }
    if head.status.is_redirection() || head.status.is_informational() {
        return Err(Error::Misbehaved(Misbehaviour::Status(head.status.as_u16())));
    }
    if head.headers.get(CONTENT_TYPE) != Some(&JSON) {
        return Err(Error::Misbehaved(Misbehaviour::ContentType));
    }
    let body = read(body, settings.most_bytes).await?;
    Ok(understand(call, head.status, &head.headers, &body))
}

/// 204 says that it was done, which is an answer only to some questions.
fn empty(call: &Call, status: StatusCode) -> Result<Reply, Error> {
    match call.has_answer() {
        true => Err(Error::Misbehaved(Misbehaviour::Status(status.as_u16()))),
        false => Ok(Reply {
            status: status.as_u16(),
            request_id: String::new(),
            warnings: Vec::new(),
            answer: Answer::Nothing,
        }),
    }
}

/// What is announced is judged before a byte is read, what comes is counted.
async fn read(mut body: Incoming, most: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let too_large = || Error::Misbehaved(Misbehaviour::TooLarge(most));
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > most {
        return Err(too_large());
    }
    let mut bytes = Wiped::with_room(announced.min(PRESIZED));
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|_| Error::Broken)?.into_data() else {
            continue;
        };
        if bytes.len().saturating_add(chunk.len()) > most {
            return Err(too_large());
        }
        bytes.push(&chunk);
    }
    Ok(bytes.into_inner())
}

fn understand(call: &Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Reply, Error> {
    let limits = Limits {
        batch: call.batch_len().unwrap_or(0).max(Limits::default().batch),
    };
    let fields = json::read(body, limits.values()).map_err(Error::body)?;
    let number = status.as_u16();
    let told = fields.value("errors").is_some();
    if told && (status.is_client_error() || status.is_server_error()) {
        let text = |value: &HeaderValue| value.to_str().ok().map(shown);
        let refusal = Refusal::read(number, &fields).map_err(Error::body)?;
        let wait = headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        return Err(Error::Refused(Refusal {
            allow: headers.get(ALLOW).and_then(text),
            retry_after: wait.map(Duration::from_secs),
            ..refusal
        }));
    }
    // Health tells by its status, and so does a batch of which something failed.
    let any_status =
        matches!(call, Call::Health(_)) || (call.batch_len().is_some() && fields.value("data").is_some());
    if told || !(status.is_success() || any_status) {
        return Err(Error::Misbehaved(Misbehaviour::Status(number)));
    }
    Reply::read(call, number, &fields).map_err(Error::body)
}
