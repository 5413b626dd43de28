//! A service on a real Unix socket that answers as it is told to.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::Client;

pub(super) type Answered = Response<Full<Bytes>>;

/// A listening socket in a folder of its own.
pub(super) struct Socket {
    folder: TempDir,
    pub(super) connections: Arc<AtomicUsize>,
}

impl Socket {
    pub(super) fn new() -> (Self, UnixListener) {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("keyd.sock")).unwrap();
        let socket = Self {
            folder,
            connections: Arc::default(),
        };
        (socket, listener)
    }

    /// Answers HTTP on every connection.
    pub(super) fn serving(answer: impl Fn(&Parts, &[u8]) -> Answered + Send + Sync + 'static) -> Self {
        let (socket, listener) = Self::new();
        let connections = socket.connections.clone();
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                tokio::spawn(async move { http(stream, |parts, body| answer(parts, body)).await });
            }
        });
        socket
    }

    /// Reads each request's head by hand and answers these bytes, one connection each; then closes it, or is silent for ever.
    pub(super) fn raw(bytes: &'static [u8], silent: bool) -> Self {
        let (socket, listener) = Self::new();
        let connections = socket.connections.clone();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                if read_head(&mut stream).await.is_none() {
                    continue;
                }
                let _ = stream.write_all(bytes).await;
                if silent {
                    open.push(stream);
                }
            }
        });
        socket
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("keyd.sock")
    }

    pub(super) fn client(&self) -> Client {
        Client::unix(self.path())
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Speaks HTTP on this connection until it ends.
pub(super) async fn http<S>(stream: S, answer: impl Fn(&Parts, &[u8]) -> Answered)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(async |request: http::Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|_| io::Error::other("body"))?
            .to_bytes();
        Ok::<_, io::Error>(answer(&parts, &body))
    });
    let _ended = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The head of a request and its body, as far as the head announces one.
pub(super) async fn read_head(stream: &mut UnixStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(head)
}

/// An answer of the interface.
pub(super) fn json(status: u16, body: impl Into<Bytes>) -> Answered {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

/// `data` in its envelope.
pub(super) fn enveloped(data: &str) -> String {
    format!(
        r#"{{"request_id":"9f","lease_id":"","renewable":false,"lease_duration":0,"data":{data},"wrap_info":null,"warnings":null,"auth":null,"mount_type":"transit"}}"#
    )
}
