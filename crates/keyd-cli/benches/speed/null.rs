//! The limit: a server of the same HTTP stack that does nothing. It reads each request to its end and gives an answer of the same size.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::case::{Case, To};
use crate::framing::Framing;
use crate::process::Running;
use crate::service::post;

/// The word by which this program becomes such a server: `null SOCKET BYTES`.
pub(crate) const WORD: &str = "null";

/// Bytes around the answer's one value.
const EMPTY: &str = r#"{"data":""}"#;

/// A server for each of the service's requests that it is compared with.
pub(crate) struct Nulls(Vec<Null>);

struct Null {
    running: Running,
    socket: PathBuf,
    like: Case,
    body: Vec<u8>,
}

impl Nulls {
    /// Started.
    pub(crate) fn beside(cases: &[Case], folder: &Path) -> Outcome<Self> {
        let mut nulls = Vec::new();
        for (number, like) in cases
            .iter()
            .filter(|case| case.connections == 1 && case.what.starts_with("encrypt xaes256-gcm"))
            .enumerate()
        {
            let answer = crate::load::once(&like.socket, like.framing, &like.request)?;
            let socket = folder.join(format!("null-{number}.sock"));
            let bytes = body(&answer).len();
            let mut command = Command::new(std::env::current_exe()?);
            command.arg(WORD).arg(&socket).arg(bytes.to_string());
            nulls.push(Null {
                running: Running::start(&mut command, &socket)?,
                socket,
                like: like.clone(),
                body: body(&like.request).to_vec(),
            });
        }
        Ok(Self(nulls))
    }

    /// The same requests, to them.
    pub(crate) fn cases(&self) -> Outcome<Vec<Case>> {
        let mut cases = Vec::new();
        for null in &self.0 {
            let to = To {
                who: "null server",
                server: null.running.id(),
                socket: &null.socket,
                framing: Framing::Http,
            };
            let request = post("/v1/transit/encrypt/shop-xaes256-gcm", &null.body);
            cases.extend(to.cases(&null.like.what, null.like.operations, &request)?);
        }
        Ok(cases)
    }
}

fn body(message: &[u8]) -> &[u8] {
    let head = message.windows(4).position(|four| four == b"\r\n\r\n");
    head.and_then(|end| message.get(end + 4..)).unwrap_or_default()
}

/// Serves until it is killed.
pub(crate) fn serve(socket: &Path, bytes: usize) -> Outcome {
    let value = "x".repeat(bytes.saturating_sub(EMPTY.len()));
    let answer = Bytes::from(EMPTY.replace(r#""""#, &format!("\"{value}\"")));
    // As many threads as the service has.
    Runtime::new()?.block_on(async {
        let listener = UnixListener::bind(socket)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let answer = answer.clone();
            let answering = service_fn(move |request| reply(request, answer.clone()));
            tokio::spawn(async move {
                let mut http = http1::Builder::new();
                let serving = http
                    .half_close(true)
                    .serve_connection(TokioIo::new(stream), answering);
                // A client that leaves is no error.
                let _ = serving.await;
            });
        }
    })
}

async fn reply(request: Request<Incoming>, answer: Bytes) -> Result<Response<Full<Bytes>>, Infallible> {
    // What is cut off is answered like the rest: the client is gone.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(answer));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
