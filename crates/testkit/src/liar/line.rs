//! One connection: read a request, ask the real server, twist, answer.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;

use super::exchange::{Ask, Exchange, Told};
use super::{State, carry, upstream};

type Upstream = SendRequest<Full<Bytes>>;

pub(super) async fn serve(socket: TcpStream, acceptor: TlsAcceptor, state: Arc<State>) {
    let Ok(tls) = acceptor.accept(socket).await else {
        return;
    };
    let upstream: Arc<Mutex<Option<Upstream>>> = Arc::default();
    let service = service_fn(move |request: Request<Incoming>| {
        let (state, upstream) = (Arc::clone(&state), Arc::clone(&upstream));
        async move { Ok::<_, Infallible>(answer(&state, &upstream, request).await) }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(tls), service)
        .with_upgrades()
        .await;
}

async fn answer(
    state: &Arc<State>,
    upstream: &Mutex<Option<Upstream>>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    if request.uri().path() == "/v1/bell" {
        let ask = asked(&request, Bytes::new());
        let response = carry::open(state, request).await;
        state.seen.note(&ask, response.status().as_u16(), 0);
        return response;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return std::future::pending().await;
    };
    let ask = asked(&Request::from_parts(head, ()), body.to_bytes());
    let own = state.before.lock().unwrap().as_mut().and_then(|lie| lie(&ask));
    let mut told = match own {
        Some(told) => told,
        None => forward(state, upstream, &ask).await,
    };
    if let Some(lie) = state.after.lock().unwrap().as_mut() {
        lie(&ask, &mut told);
    }
    let exchange = Exchange {
        ask,
        told: told.clone(),
    };
    state.seen.pass(&exchange);
    state.record.lock().unwrap().push(exchange);
    respond(told)
}

fn asked<T>(request: &Request<T>, body: Bytes) -> Ask {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers().iter();
    Ask {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body,
    }
}

/// A line of HTTP to the real server.
async fn connect(address: &str) -> Option<Upstream> {
    let tls = upstream::connect(address).await?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
        .await
        .ok()?;
    tokio::spawn(connection);
    Some(sender)
}

async fn forward(state: &State, upstream: &Mutex<Option<Upstream>>, ask: &Ask) -> Told {
    let mut slot = upstream.lock().await;
    if slot.as_ref().is_none_or(Upstream::is_closed) {
        *slot = connect(&state.upstream).await;
    }
    let Some(sender) = slot.as_mut() else {
        return Told::refusal(503, "unavailable");
    };
    let mut request = Request::builder().method(ask.method.as_str()).uri(&ask.path);
    for (name, value) in &ask.headers {
        if name != "content-length" && name != "transfer-encoding" {
            request = request.header(name, value);
        }
    }
    let request = request.body(Full::new(ask.body.clone())).unwrap();
    let Ok(response) = sender.send_request(request).await else {
        *slot = None;
        return Told::refusal(503, "unavailable");
    };
    let (head, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        *slot = None;
        return Told::refusal(503, "unavailable");
    };
    let kept = |name: &HeaderName| name == "retry-after" || name == "content-type";
    let headers = head.headers.iter().filter(|(name, _)| kept(name));
    Told {
        status: head.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: body.to_bytes().to_vec(),
    }
}

pub(super) fn respond(told: Told) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(told.status);
    for (name, value) in &told.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(told.body.into())).unwrap()
}
