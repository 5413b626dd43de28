//! A server on in-memory lines, and keys to log in with.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use bytes::Bytes;
use crannog_core::check::Check;
use crannog_proto::api::{Challenge, Principal, Session};
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{DeviceId, ErrorCode, Fingerprint, JournalId, Receipt, encode, labels};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::ca::Ca;
use crate::transport::{Dial, Dialing, GrantKey, Line, LoginKey, Transport, TransportError};

pub(super) type Stream = TlsStream<DuplexStream>;
pub(super) type Reply = Response<Full<Bytes>>;
pub(super) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A server reached over in-memory lines; counts its connections.
#[derive(Clone)]
pub(super) struct Server {
    tls: TlsAcceptor,
    serve: Arc<dyn Fn(usize, Stream) -> Serving + Send + Sync>,
    pub(super) connections: Arc<AtomicUsize>,
}

impl Dial for Server {
    fn dial(&self) -> Dialing<'_> {
        let (client, server) = duplex(64 * 1024);
        let this = self.clone();
        tokio::spawn(async move {
            if let Ok(stream) = this.tls.accept(server).await {
                let nth = this.connections.fetch_add(1, Ordering::SeqCst);
                (this.serve)(nth, stream).await;
            }
        });
        Box::pin(async { Ok(Box::new(client) as Box<dyn Line>) })
    }
}

impl Server {
    /// Serves each connection, given its number, by hand.
    pub(super) fn raw<F>(
        config: ServerConfig,
        serve: impl Fn(usize, Stream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            tls: TlsAcceptor::from(Arc::new(config)),
            serve: Arc::new(move |nth, stream| Box::pin(serve(nth, stream))),
            connections: Arc::default(),
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Speaks HTTP on this connection until it ends.
pub(super) async fn http<S>(stream: S, handler: impl Fn(&Parts, Bytes) -> Reply + Send + Sync)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(async |request: http::Request<hyper::body::Incoming>| {
        let (parts, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|_| io::Error::other("body"))?
            .to_bytes();
        Ok::<_, io::Error>(handler(&parts, body))
    });
    let _ended = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// An honest server's TLS, these answers.
pub(super) fn serving(
    handler: impl Fn(&Parts, Bytes) -> Reply + Send + Sync + 'static,
) -> (Transport, Server) {
    let ca = Ca::new();
    let handler = Arc::new(handler);
    let server = Server::raw(ca.config(), move |_, stream| {
        let handler = handler.clone();
        async move { http(stream, |parts, body| handler(parts, body)).await }
    });
    (transport(ca.fingerprint(), &server), server)
}

/// The same with a login that succeeds; the n-th session's token is 32 times n.
pub(super) fn logged_in(
    handler: impl Fn(&Parts, Bytes) -> Reply + Send + Sync + 'static,
) -> (Transport, Arc<AtomicUsize>) {
    let logins = Arc::new(AtomicUsize::new(0));
    let counted = logins.clone();
    let (transport, _) =
        serving(move |parts, body| login_rows(&counted, parts).unwrap_or_else(|| handler(parts, body)));
    transport.set_login("alice", Arc::new(Key::new(2)));
    (transport, logins)
}

pub(super) fn login_rows(logins: &AtomicUsize, parts: &Parts) -> Option<Reply> {
    match parts.uri.path() {
        "/v1/login/challenge" => Some(ok(encode(&Challenge { challenge: [3; 32] }))),
        "/v1/login" => {
            let nth = logins.fetch_add(1, Ordering::SeqCst) + 1;
            Some(ok(encode(&Session {
                token: [u8::try_from(nth).unwrap(); 32],
                expires_in: 43_200,
            })))
        }
        _ => None,
    }
}

/// Reads a request's head by hand.
pub(super) async fn read_head(stream: &mut Stream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

pub(super) fn transport(fingerprint: Fingerprint, dial: &(impl Dial + Clone + 'static)) -> Transport {
    Transport::over(fingerprint, Box::new(dial.clone())).unwrap()
}

pub(super) fn ok(bytes: impl Into<Bytes>) -> Reply {
    Response::new(Full::new(bytes.into()))
}

pub(super) fn status(status: StatusCode) -> Reply {
    Response::builder().status(status).body(Full::default()).unwrap()
}

pub(super) fn refusal(code: ErrorCode) -> Reply {
    let body = format!(r#"{{"code":"{code}","message":"no"}}"#);
    Response::builder()
        .status(code.status())
        .body(Full::new(body.into()))
        .unwrap()
}

pub(super) fn header<'a>(parts: &'a Parts, name: &str) -> &'a str {
    parts
        .headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// A signing key that counts its signatures.
pub(super) struct Key {
    pair: Ed25519KeyPair,
    pub(super) signed: AtomicUsize,
}

impl Key {
    pub(super) fn new(seed: u8) -> Self {
        Self {
            pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap(),
            signed: AtomicUsize::new(0),
        }
    }

    pub(super) fn public(&self) -> VerifyingKey {
        VerifyingKey(self.pair.public_key().as_ref().try_into().unwrap())
    }

    pub(super) fn sign(&self, label: &'static str, data: &[u8]) -> Signature {
        self.signed.fetch_add(1, Ordering::SeqCst);
        Signature(self.pair.sign(&message(label, data)).as_ref().try_into().unwrap())
    }

    pub(super) fn receipt(&self, journal: JournalId, seq: u64, head: crannog_proto::Hash) -> Receipt {
        let signature = self.sign(labels::RECEIPT, &Receipt::statement(&journal, seq, &head));
        Receipt {
            journal,
            seq,
            head,
            signature,
        }
    }
}

impl LoginKey for Key {
    fn principal(&self) -> Principal {
        Principal::Device(DeviceId([5; 16]))
    }

    fn sign_login(&self, label: &'static str, statement: &[u8]) -> Signature {
        self.sign(label, statement)
    }
}

impl GrantKey for Key {
    fn epoch(&self) -> u64 {
        4
    }

    fn sign_grant(&self, label: &'static str, statement: &[u8]) -> Signature {
        self.sign(label, statement)
    }
}

/// Asserts that this check failed.
#[track_caller]
pub(super) fn assert_lie<T>(result: Result<T, TransportError>, expected: Check) {
    match result {
        Err(error @ TransportError::Misbehaved { check, .. }) => {
            assert_eq!(check, expected, "{error}");
            assert!(!error.is_transient());
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the lie went unseen"),
    }
}
