//! Timeouts, lanes, cancelling: what happens on a line that is slow or dead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use crannog_proto::api::{AppendLink, LinkSecrets};
use crannog_proto::sigchain::SignedLink;
use crannog_proto::{BlobId, ErrorCode, JournalId, encode, limits};
use http::{HeaderValue, Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::ca::Ca;
use super::world::{
    Key, Server, Serving, Stream, http, logged_in, login_rows, ok, read_head, refusal, status, transport,
};
use crate::transport::{Policy, Transport, TransportError, retry};

const JOURNAL: JournalId = JournalId([8; 32]);

async fn put(transport: &Transport, len: usize) -> Result<(), TransportError> {
    let bytes = Bytes::from(vec![1; len]);
    transport
        .put_blob(&JOURNAL, &Key::new(3), &BlobId::of(&bytes), bytes)
        .await
}

/// A transport that is logged in and whose further connections are served by hand.
async fn by_hand<F>(serve: impl Fn(Stream) -> F + Send + Sync + 'static) -> (Transport, Server)
where
    F: Future<Output = ()> + Send + 'static,
{
    let ca = Ca::new();
    let server = Server::raw(ca.config(), move |nth, stream| -> Serving {
        if nth > 0 {
            return Box::pin(serve(stream));
        }
        let logins = AtomicUsize::new(0);
        Box::pin(async move { http(stream, |parts, _| login_rows(&logins, parts).unwrap()).await })
    });
    let transport = transport(ca.fingerprint(), &server);
    transport.set_login("alice", Arc::new(Key::new(2)));
    transport
        .account_in_use()
        .unwrap()
        .live(&transport)
        .await
        .unwrap();
    transport.shared.pool.forget_idle();
    (transport, server)
}

#[tokio::test(start_paused = true)]
async fn a_slow_line_is_left_alone_while_bytes_flow() {
    let (transport, _) = by_hand(|mut stream| async move {
        read_head(&mut stream).await;
        let mut left = limits::BLOB_MAX;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            // sleep: paused time, a slow line
            sleep(Duration::from_secs(20)).await;
            left -= stream.read(&mut buffer).await.unwrap();
        }
        for byte in b"HTTP/1.1 204 No Content\r\n\r\n" {
            // sleep: paused time, a slow line
            sleep(Duration::from_secs(20)).await;
            stream.write_all(&[*byte]).await.unwrap();
            stream.flush().await.unwrap();
        }
    })
    .await;
    let start = Instant::now();
    put(&transport, limits::BLOB_MAX).await.unwrap();
    assert!(start.elapsed() > Duration::from_secs(1800));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_request() {
    let (transport, _) = by_hand(|mut stream| async move {
        read_head(&mut stream).await;
        std::future::pending().await
    })
    .await;
    let start = Instant::now();
    assert!(matches!(
        put(&transport, 100).await,
        Err(TransportError::TimedOut)
    ));
    assert!(start.elapsed() >= Duration::from_secs(30) && start.elapsed() < Duration::from_secs(32));
    let start = Instant::now();
    assert!(matches!(
        put(&transport, limits::BLOB_MAX).await,
        Err(TransportError::TimedOut)
    ));
    assert!(start.elapsed() < Duration::from_secs(290));
}

#[tokio::test(start_paused = true)]
async fn uploads_do_not_hold_up_calls() {
    let (transport, server) = by_hand(|mut stream| async move {
        if read_head(&mut stream).await.starts_with("PUT") {
            return std::future::pending().await;
        }
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    let uploads: Vec<_> = (0..20)
        .map(|_| {
            let transport = transport.clone();
            tokio::spawn(async move { put(&transport, 1000).await })
        })
        .collect();
    // sleep: paused time, until all connections are made
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.connections(), 1 + 6);
    let append = AppendLink {
        link: SignedLink {
            link: Vec::new(),
            signatures: Vec::new(),
        },
        secrets: LinkSecrets::None,
    };
    let start = Instant::now();
    transport.append_link(&append).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    uploads.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn a_cancelled_request_closes_its_connection() {
    let (started, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (starting, closing) = (started.clone(), closed.clone());
    let (transport, _) = by_hand(move |mut stream| {
        let (starting, closing) = (starting.clone(), closing.clone());
        async move {
            read_head(&mut stream).await;
            starting.notify_one();
            let _hung_up = stream.read_to_end(&mut Vec::new()).await;
            closing.notify_one();
        }
    })
    .await;
    let upload = tokio::spawn(async move { put(&transport, 1000).await });
    started.notified().await;
    upload.abort();
    closed.notified().await;
}

#[tokio::test]
async fn an_upload_is_one_request_on_a_warm_connection() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let noted = heads.clone();
    let (transport, _) = logged_in(move |parts, body| {
        let expected = parts.headers.contains_key("expect");
        noted
            .lock()
            .unwrap()
            .push((parts.method.clone(), parts.uri.to_string(), body.len(), expected));
        status(StatusCode::NO_CONTENT)
    });
    put(&transport, limits::BLOB_MAX).await.unwrap();
    let id = BlobId::of(&vec![1; limits::BLOB_MAX]);
    let uri = format!("/v1/journals/{JOURNAL}/blobs/{id}");
    assert_eq!(
        *heads.lock().unwrap(),
        [(Method::PUT, uri, limits::BLOB_MAX, false)]
    );
}

#[tokio::test(start_paused = true)]
async fn retry_after_reaches_the_retry() {
    let ca = Ca::new();
    let info = encode(&ca.server_info());
    let asked = AtomicUsize::new(0);
    let asked = Arc::new(asked);
    let server = Server::raw(ca.config(), move |_, stream| {
        let (info, asked) = (info.clone(), asked.clone());
        async move {
            http(stream, |_, _| {
                if asked.fetch_add(1, Ordering::SeqCst) > 0 {
                    return ok(info.clone());
                }
                let mut busy = refusal(ErrorCode::TooManyRequests);
                busy.headers_mut()
                    .insert("retry-after", HeaderValue::from_static("20"));
                busy
            })
            .await;
        }
    });
    let transport = transport(ca.fingerprint(), &server);
    let start = Instant::now();
    retry(Policy::PROMPT, || transport.server_info()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(20) && start.elapsed() < Duration::from_secs(30));
}
