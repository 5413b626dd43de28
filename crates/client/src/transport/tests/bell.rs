//! The bell: rings, silence, lies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crannog_core::check::Check;
use crannog_proto::api::{Held, Hold, Ring, Rung, Stored};
use crannog_proto::sign::Signature;
use crannog_proto::{Entry, Hash, JournalId, decode, encode, limits};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::ca::Ca;
use super::world::{Key, Server, Serving, Stream, assert_lie, http, login_rows, transport};
use crate::transport::{Bell, Obstacle, Transport, TransportError};

const JOURNAL: JournalId = JournalId([8; 32]);

/// A transport whose connections are, by turns, one for logging in and one served by hand.
fn by_turns<F>(serve: impl Fn(Stream) -> F + Send + Sync + 'static) -> (Transport, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let ca = Ca::new();
    let logins = Arc::new(AtomicUsize::new(0));
    let counted = logins.clone();
    let server = Server::raw(ca.config(), move |nth, stream| -> Serving {
        if nth > 0 {
            return Box::pin(serve(stream));
        }
        let logins = counted.clone();
        Box::pin(async move { http(stream, |parts, _| login_rows(&logins, parts).unwrap()).await })
    });
    let transport = transport(ca.fingerprint(), &server);
    transport.set_login("alice", Arc::new(Key::new(2)));
    (transport, logins)
}

/// Opens a bell whose other end is served so.
async fn bell<F>(serve: impl Fn(WebSocketStream<Stream>) -> F + Send + Sync + 'static) -> (Bell, Transport)
where
    F: Future<Output = ()> + Send + 'static,
{
    let serve = Arc::new(serve);
    let (transport, _) = by_turns(move |stream| {
        let serve = serve.clone();
        async move { serve(accept(stream, 1).await.unwrap()).await }
    });
    (Bell::open(&transport).await.unwrap(), transport)
}

/// Accepts the upgrade of the n-th session.
#[expect(clippy::result_large_err, reason = "tungstenite's callback")]
async fn accept(stream: Stream, session: u8) -> Option<WebSocketStream<Stream>> {
    let check = |request: &Request, response: Response| {
        assert_eq!(request.uri().path(), "/v1/bell");
        let expected = format!("Bearer {}", data_encoding::HEXLOWER.encode(&[session; 32]));
        if request.headers()["authorization"].to_str().unwrap() == expected {
            return Ok(response);
        }
        let mut refused = ErrorResponse::new(None);
        *refused.status_mut() = http::StatusCode::UNAUTHORIZED;
        Err(refused)
    };
    accept_hdr_async(stream, check).await.ok()
}

fn ring(seq: u64, with: Option<(u64, Hash)>) -> Rung {
    let entry = Entry {
        header: vec![1],
        signature: Signature([0; 64]),
        body: Vec::new(),
    };
    let stored = |(seq, head)| Stored {
        seq,
        head,
        entry,
        body_gone: false,
    };
    Rung::Journal(Box::new(Ring {
        last: Key::new(1).receipt(JOURNAL, seq, Hash::ZERO),
        entry: with.map(stored),
    }))
}

fn binary(rung: &Rung) -> Message {
    Message::Binary(encode(rung).into())
}

#[tokio::test]
async fn a_hold_is_answered_with_rings() {
    let (mut bell, _transport) = bell(|mut socket| async move {
        let Message::Binary(bytes) = socket.next().await.unwrap().unwrap() else {
            panic!()
        };
        let Hold { journals } = decode(&bytes).unwrap();
        assert_eq!(
            journals,
            [Held {
                journal: JOURNAL,
                token: [6; 32]
            }]
        );
        socket.send(binary(&ring(4, None))).await.unwrap();
        socket
            .send(binary(&ring(5, Some((5, Hash::ZERO)))))
            .await
            .unwrap();
        socket.send(binary(&Rung::Inbox)).await.unwrap();
        socket.next().await;
    })
    .await;
    bell.hold(vec![Held {
        journal: JOURNAL,
        token: [6; 32],
    }])
    .await
    .unwrap();
    assert_eq!(bell.next().await.unwrap(), ring(4, None));
    assert_eq!(bell.next().await.unwrap(), ring(5, Some((5, Hash::ZERO))));
    assert_eq!(bell.next().await.unwrap(), Rung::Inbox);
    let many = vec![
        Held {
            journal: JOURNAL,
            token: [6; 32]
        };
        limits::BELL_JOURNALS + 1
    ];
    assert!(matches!(bell.hold(many).await, Err(TransportError::Misuse(_))));
    assert_eq!(format!("{bell:?}"), "Bell");
}

#[tokio::test(start_paused = true)]
async fn chk_025_pings_keep_a_bell_alive_and_are_answered_and_silence_ends_it() {
    let (mut bell, _transport) = bell(|mut socket| async move {
        for _ in 0..10 {
            // sleep: paused time, the server rings every 30 s
            sleep(Duration::from_secs(30)).await;
            socket.send(Message::Ping(Default::default())).await.unwrap();
            assert!(matches!(socket.next().await, Some(Ok(Message::Pong(_)))));
        }
        std::future::pending().await
    })
    .await;
    let start = Instant::now();
    let error = bell.next().await.unwrap_err();
    assert!(
        matches!(
            error,
            TransportError::Unreachable {
                what: Obstacle::Silent
            }
        ),
        "{error}"
    );
    assert!(error.is_transient());
    let waited = start.elapsed();
    assert!(
        waited >= Duration::from_secs(375) && waited < Duration::from_secs(377),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn chk_025_silence_is_counted_across_cancelled_calls() {
    let (mut bell, _transport) = bell(|socket| async move {
        let _open = socket;
        std::future::pending().await
    })
    .await;
    let start = Instant::now();
    let error = loop {
        if let Ok(result) = timeout(Duration::from_secs(10), bell.next()).await {
            break result.unwrap_err();
        }
    };
    assert!(matches!(
        error,
        TransportError::Unreachable {
            what: Obstacle::Silent
        }
    ));
    assert!(start.elapsed() < Duration::from_secs(77));
}

#[tokio::test]
async fn lies_on_a_bell_are_named() {
    let flood = vec![0; limits::HEADER_MAX + limits::INLINE_BODY_MAX + 1025];
    let mut longer = encode(&ring(4, None));
    longer.push(0);
    for (says, expected) in [
        (Message::Binary(flood.into()), Check::Bounds),
        (Message::Binary(longer.into()), Check::Decode),
        (Message::Binary(vec![1, 0].into()), Check::Decode),
        (Message::Binary(vec![2].into()), Check::Decode),
        (Message::Text("ring".into()), Check::Decode),
        (binary(&ring(4, Some((5, Hash::ZERO)))), Check::Head),
        (binary(&ring(4, Some((4, Hash([1; 32]))))), Check::Head),
    ] {
        let (mut bell, _transport) = bell(move |mut socket| {
            let says = says.clone();
            async move {
                let _refused = socket.send(says).await;
                socket.next().await;
            }
        })
        .await;
        assert_lie(bell.next().await, expected);
    }
}

#[tokio::test]
async fn a_bell_that_hangs_up_can_be_opened_again() {
    for polite in [true, false] {
        let (mut bell, _transport) = bell(move |mut socket| async move {
            if polite {
                socket.close(None).await.unwrap();
            }
        })
        .await;
        let error = bell.next().await.unwrap_err();
        assert!(
            matches!(
                error,
                TransportError::Unreachable {
                    what: Obstacle::Broken
                }
            ),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_bell_logs_in_again() {
    let (transport, logins) = by_turns(|stream| async {
        if let Some(mut socket) = accept(stream, 2).await {
            socket.send(binary(&ring(4, None))).await.unwrap();
            socket.next().await;
        }
    });
    let mut bell = Bell::open(&transport).await.unwrap();
    assert_eq!(bell.next().await.unwrap(), ring(4, None));
    assert_eq!(logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn chk_028_a_bell_follows_no_redirect() {
    let (transport, _) = by_turns(|mut stream| async move {
        let says = b"HTTP/1.1 301 Moved\r\nlocation: wss://example.invalid/\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(says).await.unwrap();
        stream.flush().await.unwrap();
        std::future::pending().await
    });
    assert_lie(Bell::open(&transport).await, Check::Redirect);
}

#[tokio::test]
async fn a_bell_needs_a_login() {
    let (transport, _) = by_turns(|_| std::future::pending());
    transport.forget_login();
    assert!(matches!(
        Bell::open(&transport).await,
        Err(TransportError::NotLoggedIn)
    ));
}
