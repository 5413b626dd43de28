//! Connections and answers: CHK-024, CHK-028, timeouts, reuse.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crannog_core::check::Check;
use crannog_proto::encode;
use http::{Response, StatusCode};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::ca::Ca;
use super::world::{Server, assert_lie, header, http, ok, read_head, serving, status, transport};
use crate::transport::{Obstacle, TransportError, VerifiedServer};

/// Asks a server that, after the request's head, says this and hangs up.
async fn told(says: &'static str) -> Result<VerifiedServer, TransportError> {
    let ca = Ca::new();
    let server = Server::raw(ca.config(), move |_, mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(says.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    transport(ca.fingerprint(), &server).server_info().await
}

#[tokio::test]
async fn chk_028_no_redirect_is_followed() {
    for code in [300, 301, 302, 303, 304, 307, 308] {
        let (transport, server) = serving(move |_, _| {
            let elsewhere = "https://example.invalid/v1/server";
            Response::builder()
                .status(code)
                .header("location", elsewhere)
                .body(Full::default())
                .unwrap()
        });
        assert_lie(transport.server_info().await, Check::Redirect);
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn chk_028_no_coding_is_undone() {
    for coding in ["gzip", "identity"] {
        let (transport, _) = serving(move |_, _| {
            Response::builder()
                .header("content-encoding", coding)
                .body(Full::new("x".into()))
                .unwrap()
        });
        assert_lie(transport.server_info().await, Check::Redirect);
    }
}

#[tokio::test]
async fn chk_024_an_announced_flood_is_refused_unread() {
    assert_lie(
        told("HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n").await,
        Check::Bounds,
    );
    assert_lie(
        told("HTTP/1.1 500 No\r\ncontent-length: 1000000000000\r\n\r\n").await,
        Check::Bounds,
    );
}

#[tokio::test]
async fn chk_024_an_unannounced_flood_is_counted() {
    let ca = Ca::new();
    let server = Server::raw(ca.config(), |_, mut stream| async move {
        read_head(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        while stream.write_all(b"4\r\nlies\r\n").await.is_ok() {}
    });
    assert_lie(
        transport(ca.fingerprint(), &server).server_info().await,
        Check::Bounds,
    );
}

#[tokio::test]
async fn chk_029_what_does_not_decode_is_refused() {
    let (transport, _) = serving(|_, _| ok("?"));
    let error = transport.server_info().await.unwrap_err();
    assert!(matches!(&error, TransportError::Misbehaved { evidence, .. } if evidence.0 == b"?"));
    assert_lie(Err::<(), _>(error), Check::Decode);
    let ca = Ca::new();
    let mut longer = encode(&ca.server_info());
    longer.push(0);
    let (transport, _) = serving(move |_, _| ok(longer.clone()));
    assert_lie(transport.server_info().await, Check::Decode);
}

#[tokio::test]
async fn a_broken_answer_is_no_answer() {
    for (says, expected) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
            Obstacle::Broken,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            Obstacle::Broken,
        ),
        ("HTTP/1.1 200", Obstacle::Broken),
        ("", Obstacle::Broken),
        ("SSH-2.0-lake\r\n\r\n", Obstacle::NotHttp),
    ] {
        let error = told(says).await.unwrap_err();
        assert!(
            matches!(error, TransportError::Unreachable { what } if what == expected),
            "{says}: {error}"
        );
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn an_unknown_status_is_no_success() {
    for code in [202, 206, 418] {
        let (transport, _) = serving(move |_, _| status(StatusCode::from_u16(code).unwrap()));
        let error = transport.server_info().await.unwrap_err();
        assert!(matches!(error, TransportError::UnknownStatus { status } if status == code));
    }
}

#[tokio::test]
async fn calls_share_a_connection_and_name_no_host_but_the_pinned() {
    let ca = Ca::new();
    let (info, name) = (encode(&ca.server_info()), ca.fingerprint().dns_name());
    let server = Server::raw(ca.config(), move |_, stream| {
        let (info, name) = (info.clone(), name.clone());
        async move {
            http(stream, |parts, _| {
                assert_eq!(header(parts, "host"), name);
                assert_eq!(parts.headers.len(), 1);
                ok(info.clone())
            })
            .await;
        }
    });
    let transport = transport(ca.fingerprint(), &server);
    for _ in 0..5 {
        transport.server_info().await.unwrap();
    }
    assert_eq!(server.connections(), 1);
}

/// Answers one request on each connection, then hangs up without saying so.
fn one_answer_each(ca: &Ca) -> Server {
    let body = encode(&ca.server_info());
    Server::raw(ca.config(), move |_, mut stream| {
        let body = body.clone();
        async move {
            read_head(&mut stream).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream
                .write_all(&[head.as_bytes(), &body].concat())
                .await
                .unwrap();
            let mut next = [0];
            let _hung_up = stream.read(&mut next).await;
        }
    })
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced() {
    let ca = Ca::new();
    let server = one_answer_each(&ca);
    let transport = transport(ca.fingerprint(), &server);
    for _ in 0..3 {
        transport.server_info().await.unwrap();
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed() {
    let hung_up = Arc::new(AtomicUsize::new(0));
    let counted = hung_up.clone();
    let ca = Ca::new();
    let info = encode(&ca.server_info());
    let server = Server::raw(ca.config(), move |_, stream| {
        let (info, counted) = (info.clone(), counted.clone());
        async move {
            http(stream, |_, _| ok(info.clone())).await;
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let transport = transport(ca.fingerprint(), &server);
    transport.server_info().await.unwrap();
    // sleep: paused time, past the idle limit
    sleep(Duration::from_secs(100)).await;
    assert_eq!(hung_up.load(Ordering::SeqCst), 1);
    transport.server_info().await.unwrap();
    assert_eq!(server.connections(), 2);
}
