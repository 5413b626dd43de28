//! One request and its answer: bounded before it is read, never redirected, never coded (CHK-024, CHK-028).

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use crannog_core::check::Check;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::error::{Obstacle, TransportError};
use super::pace::Pace;
use super::paced::{Paced, earn};
use super::pool::{Lane, Leased, Pool};
use super::progress::Progress;
use super::refusal::{self, ERROR_MAX};

/// No byte either way for this long ends a request.
const SILENCE: Duration = Duration::from_secs(30);
/// The kernel may still be draining what we wrote: that much slower may a line be.
const SLOWEST_LINE: u64 = 16 * 1024;
/// Room made for an announced answer at once; for more, as it comes.
const PRESIZED: usize = 8 * 1024 * 1024;

/// A request, complete but for the session.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) lane: Lane,
    /// Largest answer in bytes.
    pub(super) max: usize,
    /// Of bulk: how fast.
    pub(super) pace: Pace,
}

/// An answer with a status of success.
pub(super) struct Answer {
    pub(super) bytes: Bytes,
}

impl Call {
    pub(super) fn get(path: impl Into<String>, max: usize) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            lane: Lane::Call,
            max,
            pace: Pace::default(),
        }
    }

    pub(super) fn post(path: impl Into<String>, body: impl Into<Bytes>, max: usize) -> Self {
        Self {
            method: Method::POST,
            body: body.into(),
            ..Self::get(path, max)
        }
    }

    pub(super) fn bulk(self, pace: &Pace) -> Self {
        Self {
            lane: Lane::Bulk,
            pace: pace.clone(),
            ..self
        }
    }

    /// Adds a header that holds a secret; shown nowhere. Values are ours: hex and punctuation.
    pub(super) fn secret(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }

    /// What the call is about, for errors.
    pub(super) fn object(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn request(&self, host: &str) -> Result<Request<Paced>, TransportError> {
        let mut builder = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(HOST, host);
        if !self.body.is_empty() {
            builder = builder.header(CONTENT_TYPE, "application/octet-stream");
        }
        let mut request = builder
            .body(Paced::new(self.body.clone(), self.pace.clone()))
            .map_err(|_| TransportError::Misuse("the path is not a URI"))?;
        request.headers_mut().extend(self.headers.clone());
        Ok(request)
    }

    /// How long nothing may move: what was written and may sit in the kernel gets its time.
    fn silence(&self) -> Duration {
        SILENCE + Duration::from_secs(self.body.len() as u64 / SLOWEST_LINE)
    }
}

/// Performs a call. A kept connection that died before it answered is replaced: all calls are idempotent.
pub(super) async fn exchange(pool: &Arc<Pool>, host: &str, call: &Call) -> Result<Answer, TransportError> {
    loop {
        let mut leased = pool.lease(call.lane).await?;
        let progress = leased.connection.progress.clone();
        let sending = send(&mut leased, host, call);
        let response = match progress.watch(call.silence(), sending).await {
            Err(TransportError::Unreachable {
                what: Obstacle::Broken,
            }) if leased.reused => {
                pool.forget_idle();
                continue;
            }
            result => result?,
        };
        let answer = progress
            .watch(SILENCE, receive(call, response, &progress))
            .await?;
        pool.keep(leased);
        return answer;
    }
}

async fn send(
    leased: &mut Leased<'_>,
    host: &str,
    call: &Call,
) -> Result<Response<Incoming>, TransportError> {
    leased
        .connection
        .sender
        .send_request(call.request(host)?)
        .await
        .map_err(not_answered)
}

fn not_answered(error: hyper::Error) -> TransportError {
    TransportError::unreachable(if error.is_parse() {
        Obstacle::NotHttp
    } else {
        Obstacle::Broken
    })
}

/// The outer error spoils the connection; the inner one is the server's answer, read to its end.
async fn receive(
    call: &Call,
    response: Response<Incoming>,
    progress: &Progress,
) -> Result<Result<Answer, TransportError>, TransportError> {
    let (head, body) = response.into_parts();
    check_head(&call.object(), head.status, &head.headers)?;
    match head.status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => {
            let bytes = read(body, call, call.max, progress).await?;
            Ok(Ok(Answer { bytes }))
        }
        status => {
            let bytes = read(body, call, ERROR_MAX, progress).await?;
            Ok(Err(refusal::parse(status, head.headers.get(RETRY_AFTER), &bytes)))
        }
    }
}

/// CHK-028: no redirect is followed, no coding undone.
pub(super) fn check_head(
    object: &str,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<(), TransportError> {
    if status.is_redirection() || headers.contains_key(CONTENT_ENCODING) {
        return Err(TransportError::misbehaved(
            Check::Redirect,
            object,
            format!("{status}\n{headers:?}"),
        ));
    }
    Ok(())
}

/// CHK-024: what is announced is judged before a byte is read, what comes is counted.
async fn read(
    mut body: Incoming,
    call: &Call,
    max: usize,
    progress: &Progress,
) -> Result<Bytes, TransportError> {
    let too_large = |claim: u64| {
        TransportError::misbehaved(Check::Bounds, call.object(), format!("{claim} of {max} bytes"))
    };
    let announced = body.size_hint().lower();
    if announced > max as u64 {
        return Err(too_large(announced));
    }
    let mut bytes = BytesMut::with_capacity(usize::try_from(announced).map_or(0, |len| len.min(PRESIZED)));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| TransportError::unreachable(Obstacle::Broken))?;
        let Ok(chunk) = frame.into_data() else { continue };
        if bytes.len() + chunk.len() > max {
            return Err(too_large((bytes.len() + chunk.len()) as u64));
        }
        bytes.extend_from_slice(&chunk);
        earn(&call.pace, chunk.len(), progress).await;
    }
    Ok(bytes.freeze())
}
