//! The bell: a WebSocket that tells the newest head of each journal held out to it, and that something lies in the inbox.

use std::fmt;
use std::time::Duration;

use crannog_core::check::Check;
use crannog_proto::api::{Held, Hold, Rung};
use crannog_proto::{ErrorCode, decode, encode, limits};
use futures_util::{SinkExt, StreamExt};
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderValue, Request, StatusCode};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use zeroize::Zeroizing;

use super::Transport;
use super::error::{Obstacle, TransportError};
use super::exchange::check_head;
use super::progress::Watched;
use super::refusal;
use super::session::Live;

/// The server pings every 30 s; two may be lost.
const SILENCE: Duration = Duration::from_secs(75);
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const OBJECT: &str = "GET /v1/bell";
/// A ring with the largest entry.
const RING_MAX: usize = limits::HEADER_MAX + limits::INLINE_BODY_MAX + 1024;

type Socket = WebSocketStream<TlsStream<Watched>>;

/// An open bell. Dropping it hangs up.
pub struct Bell {
    socket: Socket,
    last_frame: Instant,
}

impl Bell {
    /// Opens a bell with the transport's session, on a connection of its own.
    pub async fn open(transport: &Transport) -> Result<Self, TransportError> {
        let account = transport.account_in_use()?;
        let live = account.live(transport).await?;
        let socket = match upgrade(transport, &live).await {
            Err(error) if error.code() == Some(ErrorCode::Unauthorized) => {
                account.ended(&live).await;
                upgrade(transport, &*account.live(transport).await?).await?
            }
            result => result?,
        };
        Ok(Self {
            socket,
            last_frame: Instant::now(),
        })
    }

    /// Rings for these from now on, and for nothing else. At most 1,024.
    pub async fn hold(&mut self, journals: Vec<Held>) -> Result<(), TransportError> {
        if journals.len() > limits::BELL_JOURNALS {
            return Err(TransportError::Misuse("a bell holds at most 1,024 journals"));
        }
        let message = Message::Binary(encode(&Hold { journals }).into());
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(broken),
            Err(_) => Err(TransportError::TimedOut),
        }
    }

    /// What the bell says next. May be cancelled and called again; silence is counted across calls. After an error the bell is
    /// of no further use.
    pub async fn next(&mut self) -> Result<Rung, TransportError> {
        loop {
            let silent = |_| TransportError::unreachable(Obstacle::Silent);
            let frame = timeout_at(self.last_frame + SILENCE, self.socket.next())
                .await
                .map_err(silent)?;
            let frame = frame
                .ok_or(TransportError::unreachable(Obstacle::Broken))?
                .map_err(broken)?;
            self.last_frame = Instant::now();
            match frame {
                Message::Binary(bytes) => return rung(&bytes),
                // Tungstenite answers pings; the next read sends the pong.
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(_) | Message::Frame(_) => {
                    return Err(TransportError::unreachable(Obstacle::Broken));
                }
                Message::Text(text) => {
                    return Err(TransportError::misbehaved(Check::Decode, OBJECT, text.as_bytes()));
                }
            }
        }
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

/// CHK-029, and an entry that comes along must be the one that the receipt is about.
fn rung(bytes: &[u8]) -> Result<Rung, TransportError> {
    let lied = |check| TransportError::misbehaved(check, OBJECT, bytes);
    let rung: Rung = decode(bytes).map_err(|_| lied(Check::Decode))?;
    if let Rung::Journal(ring) = &rung
        && let Some(stored) = &ring.entry
        && (stored.seq, stored.head) != (ring.last.seq, ring.last.head)
    {
        return Err(lied(Check::Head));
    }
    Ok(rung)
}

async fn upgrade(transport: &Transport, live: &Live) -> Result<Socket, TransportError> {
    let (stream, progress) = transport.shared.pool.open().await?;
    let request = request(&transport.shared.host, &live.bearer())?;
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .max_message_size(Some(RING_MAX))
        .max_frame_size(Some(RING_MAX));
    let handshake = async {
        client_async_with_config(request, stream, Some(config))
            .await
            .map_err(refused)
    };
    Ok(progress.watch(SEND_TIMEOUT, handshake).await?.0)
}

fn request(host: &str, bearer: &Zeroizing<String>) -> Result<Request<()>, TransportError> {
    let misuse = TransportError::Misuse("the bell's request is not HTTP");
    let Ok(mut request) = format!("wss://{host}/v1/bell").into_client_request() else {
        return Err(misuse);
    };
    let Ok(mut bearer) = HeaderValue::from_str(bearer) else {
        return Err(misuse);
    };
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    Ok(request)
}

/// The server answered the upgrade with something else.
fn refused(error: WsError) -> TransportError {
    let WsError::Http(response) = error else {
        return broken(error);
    };
    let (head, body) = response.into_parts();
    match check_head(OBJECT, head.status, &head.headers) {
        Err(lie) => lie,
        // Tungstenite hands over only as much of the body as came with the head.
        Ok(()) if head.status == StatusCode::UNAUTHORIZED => TransportError::Server {
            code: ErrorCode::Unauthorized,
            ids: Vec::new(),
            retry_after: None,
        },
        Ok(()) => refusal::parse(
            head.status,
            head.headers.get(RETRY_AFTER),
            body.as_deref().unwrap_or_default(),
        ),
    }
}

fn broken(error: WsError) -> TransportError {
    match error {
        WsError::Capacity(_) => TransportError::misbehaved(Check::Bounds, OBJECT, []),
        WsError::Utf8(_) => TransportError::misbehaved(Check::Decode, OBJECT, []),
        WsError::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete,
        ) => TransportError::unreachable(Obstacle::Broken),
        WsError::HttpFormat(_) | WsError::Protocol(_) => TransportError::unreachable(Obstacle::NotHttp),
        _ => TransportError::unreachable(Obstacle::Broken),
    }
}
