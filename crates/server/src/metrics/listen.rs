//! The operator's address: plain HTTP, one page, nothing else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, watch};

use super::page;
use crate::http::App;
use crate::store::{JobRow, Stats, StoreError};

/// Counting rows is work: a page shows counts that are at most this old.
const FRESH: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 16;

/// Answers until the server stops.
pub(crate) async fn serve(app: Arc<App>, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let counts = Arc::new(Counts::default());
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // sleep: no descriptor is free, and asking again at once would find none either
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
            continue;
        };
        let (app, counts) = (Arc::clone(&app), Arc::clone(&counts));
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(|request| answer(&app, &counts, request));
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false);
            // Whoever asks and goes is nobody's failure here.
            let _ =
                tokio::time::timeout(PATIENCE, http.serve_connection(TokioIo::new(stream), service)).await;
        });
    }
}

/// The last counts, and when they were made.
#[derive(Default)]
struct Counts(Mutex<Option<(Instant, Read)>>);

type Read = (Stats, Vec<JobRow>);

impl Counts {
    async fn read(&self, app: &App) -> Option<Read> {
        let mut last = self.0.lock().await;
        if last.as_ref().is_none_or(|(at, _)| at.elapsed() > FRESH) {
            match counts(app).await {
                Ok(counts) => *last = Some((Instant::now(), counts)),
                Err(error) => {
                    tracing::warn!(error = %error, "the metrics show no counts: the database failed");
                    *last = None;
                }
            }
        }
        last.as_ref().map(|(_, counts)| counts.clone())
    }
}

async fn counts(app: &App) -> Result<Read, StoreError> {
    Ok((app.store.stats().await?, app.store.jobs().await?))
}

async fn answer(
    app: &App,
    counts: &Counts,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != "/metrics" || request.method() != Method::GET {
        let mut nothing = Response::new(Full::default());
        *nothing.status_mut() = StatusCode::NOT_FOUND;
        return Ok(nothing);
    }
    let counts = counts.read(app).await;
    let mut response = Response::new(Full::from(page(&app.metrics, counts.as_ref())));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
