//! A bell carried between a device and the real server: a WebSocket on each side, on lines of their own.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use crannog_proto::api::Hold;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::bell::{End, HeldBell, Order, Rung};
use super::exchange::Told;
use super::line::respond;
use super::{State, upstream};

type Near = WebSocketStream<TokioIo<Upgraded>>;
type Far = WebSocketStream<TlsStream<TcpStream>>;

/// Answers `GET /v1/bell` as the real server does, as soon as bells are passed on.
pub(super) async fn open(state: &Arc<State>, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    state.bells.passed().await;
    let far = match far(state, &request).await {
        Ok(far) => far,
        Err(status) => return respond(Told::refusal(status.as_u16(), code(status))),
    };
    let key = request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes();
    let accept = derive_accept_key(key);
    let (upgrade, state) = (hyper::upgrade::on(&mut request), Arc::clone(state));
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let near = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            Carried::new(near, far).run(&state).await;
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(Full::default())
        .unwrap()
}

/// The real server's bell, with the device's own session.
async fn far(state: &State, request: &Request<Incoming>) -> Result<Far, StatusCode> {
    let gone = StatusCode::SERVICE_UNAVAILABLE;
    let tls = upstream::connect(&state.upstream).await.ok_or(gone)?;
    let mut asked = "wss://the-real-one.invalid/v1/bell"
        .into_client_request()
        .unwrap();
    if let Some(session) = request.headers().get(header::AUTHORIZATION) {
        asked.headers_mut().insert(header::AUTHORIZATION, session.clone());
    }
    match client_async(asked, tls).await {
        Ok((far, _)) => Ok(far),
        Err(Error::Http(refusal)) => Err(refusal.status()),
        Err(_) => Err(gone),
    }
}

/// The code that goes with a refused bell's status.
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::TOO_MANY_REQUESTS => "too_many_requests",
        _ => "unavailable",
    }
}

/// A bell between two lines.
struct Carried {
    near: Near,
    far: Far,
    orders: mpsc::UnboundedReceiver<Order>,
    rungs: mpsc::UnboundedSender<Rung>,
    end: oneshot::Sender<End>,
    /// The test's side, until the device holds its journals out.
    handle: Option<HeldBell>,
    pings: Pings,
}

impl Carried {
    fn new(near: Near, far: Far) -> Self {
        let (ordering, orders) = mpsc::unbounded_channel();
        let (rungs, rung) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let handle = HeldBell {
            journals: Vec::new(),
            orders: ordering,
            rungs: rung,
            end: ended,
        };
        Self {
            near,
            far,
            orders,
            rungs,
            end,
            handle: Some(handle),
            pings: Pings::default(),
        }
    }

    /// Carries until one side hangs up.
    async fn run(mut self, state: &State) {
        let end = loop {
            let carried = tokio::select! {
                heard = self.far.next() => self.server_said(state, heard).await,
                heard = self.near.next() => self.device_said(state, heard).await,
                Some(order) = self.orders.recv() => self.ordered(order).await,
            };
            if let Err(end) = carried {
                break end;
            }
        };
        let _ = self.end.send(end);
    }

    async fn server_said(&mut self, state: &State, heard: Option<Result<Message, Error>>) -> Result<(), End> {
        match heard {
            Some(Ok(Message::Binary(bytes))) => {
                let heard = crannog_proto::decode(&bytes).expect("what the real server says decodes");
                let rung = Rung { heard, bytes };
                for said in state.bells.instead(&rung) {
                    self.tell(said.into()).await?;
                }
                let _ = self.rungs.send(rung);
                Ok(())
            }
            Some(Ok(Message::Ping(bytes))) => self.tell(Message::Ping(bytes)).await,
            Some(Ok(Message::Pong(_))) => Ok(()),
            _ => Err(End::Server),
        }
    }

    async fn device_said(&mut self, state: &State, heard: Option<Result<Message, Error>>) -> Result<(), End> {
        match heard {
            Some(Ok(Message::Binary(bytes))) => {
                let hold: Hold = crannog_proto::decode(&bytes).expect("a device's hold decodes");
                let passed = self.far.send(Message::Binary(bytes)).await;
                passed.map_err(|_| End::Server)?;
                if let Some(mut handle) = self.handle.take() {
                    handle.journals = hold.journals.iter().map(|held| held.journal).collect();
                    state.bells.hand(handle);
                }
                Ok(())
            }
            Some(Ok(Message::Pong(bytes))) => {
                self.pings.answered(&bytes);
                Ok(())
            }
            Some(Ok(Message::Ping(_))) => Ok(()),
            _ => Err(End::Device),
        }
    }

    async fn ordered(&mut self, order: Order) -> Result<(), End> {
        let message = match order {
            Order::Say(said) => said.into(),
            Order::Ping(waiting) => self.pings.ping(waiting),
        };
        self.tell(message).await
    }

    async fn tell(&mut self, message: Message) -> Result<(), End> {
        self.near.send(message).await.map_err(|_| End::Device)
    }
}

/// The liar's own pings, numbered, and who waits for their answers.
#[derive(Default)]
struct Pings {
    next: u64,
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
}

impl Pings {
    fn ping(&mut self, waiting: oneshot::Sender<()>) -> Message {
        self.next += 1;
        self.waiting.push_back((self.next, waiting));
        Message::Ping(self.next.to_be_bytes().to_vec().into())
    }

    /// A device may answer only the newest of several pings.
    fn answered(&mut self, bytes: &[u8]) {
        let Ok(number) = bytes.try_into().map(u64::from_be_bytes) else {
            return;
        };
        while self.waiting.front().is_some_and(|(first, _)| *first <= number) {
            if let Some((_, waiting)) = self.waiting.pop_front() {
                let _ = waiting.send(());
            }
        }
    }
}
