//! `GET /v1/bell`: a WebSocket on which a client holds journals and hears them grow, and its inbox fill.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::response::Response;
use crannog_proto::api::{Held, Hold, Ring, Rung};
use crannog_proto::{ErrorCode, Hash, Place, decode, encode, labels, limits};
use tokio::time::{Instant, interval_at, timeout};

use super::App;
use super::caller::{AnyCaller, Caller};
use super::journals::stored;
use crate::bell::{Heard, Listener};
use crate::clock::Hour;
use crate::error::ApiError;
use crate::store::AccountKey;

const PING: Duration = Duration::from_secs(30);
/// A client that is silent for so long, pongs included, is gone.
const SILENCE: Duration = Duration::from_secs(90);
const MESSAGE_MAX: usize = limits::BELL_JOURNALS * 64 + 4;
const READ_BUFFER: usize = 4 * 1024;
const SMALL: usize = 32 * 1024;

pub(super) async fn open(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| ErrorCode::BadRequest)?;
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MESSAGE_MAX)
        .max_frame_size(MESSAGE_MAX)
        .on_upgrade(move |socket| serve(app, caller, socket)))
}

async fn serve(app: Arc<App>, caller: AnyCaller, mut socket: WebSocket) {
    let _watcher = app.metrics.watcher();
    let listener = app.bell.listen(caller.account);
    let mut ping = interval_at(Instant::now() + PING, PING);
    let mut asked_inbox = false;
    let mut silent_until = Instant::now() + SILENCE;
    loop {
        tokio::select! {
            message = socket.recv() => {
                silent_until = Instant::now() + SILENCE;
                match message {
                    Some(Ok(Message::Binary(bytes))) => {
                        let held = hold(&app, &listener, &bytes).await;
                        let told = match held {
                            Ok(()) if !asked_inbox => tell_inbox(&app, caller.account, &listener).await,
                            held => held,
                        };
                        asked_inbox = true;
                        if let Err(error) = told {
                            if error.code() == ErrorCode::Internal {
                                tracing::error!(error = %error, "a bell could not be answered");
                            }
                            break;
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    _ => break,
                }
            }
            heard = listener.hear() => match heard {
                Heard::Closed => break,
                Heard::Rungs(rungs) => if !send(&app, &mut socket, rungs).await { return },
            },
            _ = ping.tick() => {
                let ended = caller.expires <= Hour::now() || silent_until < Instant::now();
                if ended || !deliver(&app, &mut socket, Message::Ping(bytes::Bytes::new())).await {
                    break;
                }
            }
        }
    }
    deliver(&app, &mut socket, Message::Close(None)).await;
}

async fn send(app: &App, socket: &mut WebSocket, rungs: Vec<Rung>) -> bool {
    for rung in rungs {
        if !deliver(app, socket, Message::Binary(encode(&rung).into())).await {
            return false;
        }
    }
    true
}

/// A client that takes nothing for too long is let go.
async fn deliver(app: &App, socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(app.idle(), socket.send(message)).await, Ok(Ok(())))
}

/// What came while nobody listened.
async fn tell_inbox(app: &App, account: AccountKey, listener: &Listener) -> Result<(), ApiError> {
    if app.store.has_drops(account, Hour::now()).await? {
        listener.put_inbox();
    }
    Ok(())
}

/// Listens first and asks afterwards, so that nothing falls between; the box keeps only the newest.
async fn hold(app: &App, listener: &Arc<Listener>, bytes: &[u8]) -> Result<(), ApiError> {
    let hold: Hold = decode(bytes).map_err(|_| ErrorCode::BadRequest)?;
    if hold.journals.len() > limits::BELL_JOURNALS {
        return Err(ErrorCode::BadRequest.into());
    }
    let mut opened = Vec::new();
    for Held { journal, token } in &hold.journals {
        let token = Hash::of(labels::READ_TOKEN_HASH, token);
        if let Some(reader) = app.store.reader(*journal, token).await? {
            opened.push((*journal, token, reader.epoch));
        }
    }
    let pairs: Vec<_> = opened
        .iter()
        .map(|(journal, _, epoch)| (*journal, *epoch))
        .collect();
    app.bell.hold(listener, &pairs);
    for (journal, token, epoch) in opened {
        let Some(reader) = app.store.reader(journal, token).await? else {
            continue;
        };
        let row = app
            .store
            .entries(journal, reader.last.seq, reader.last.seq, 1)
            .await?
            .pop()
            .map(stored);
        let small = row.filter(|row| {
            let header = decode::<crannog_proto::Header>(&row.entry.header);
            let inline = header.is_ok_and(|header| header.body.place == Place::Inline);
            inline && row.entry.header.len() + row.entry.body.len() <= SMALL
        });
        let last = app.identity.receipt(journal, reader.last.seq, reader.last.head);
        listener.put(epoch, &Ring { last, entry: small });
    }
    Ok(())
}
