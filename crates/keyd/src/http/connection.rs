//! One connection.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use crannog_keyd_client::{Call, Limits, Received, Refusal, Reply};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::clock::{Clock, Clocked, Times};
use super::headers::MOST_FIELDS;
use super::{body, headers, response};
use crate::service::{Caller, Service};

/// For a connection that is only told that it is one too many.
const REFUSAL: Duration = Duration::from_secs(1);

/// Requests and answers of one connection.
pub struct Served {
    /// Who speaks.
    pub caller: Arc<Caller>,
    /// By which load of the policy it was judged when it was accepted.
    pub round: u64,
    /// Refuses each request with these words, and ends soon: it is one too many. With its turn to be told.
    pub refused: Option<(Refusal, OwnedSemaphorePermit)>,
}

/// What ends a connection from this side.
#[derive(Debug, Clone)]
pub struct Ended {
    /// True when the service stops: what is under way is answered.
    pub stopping: watch::Receiver<bool>,
    /// Changes when connections are to be dropped at once.
    pub dropping: watch::Receiver<u64>,
}

struct Connection {
    service: Service,
    served: Served,
    clock: Clock,
    since: Instant,
    /// This connection asked that all others be dropped.
    spared: AtomicBool,
}

/// Serves a connection to its end.
pub async fn serve<S>(service: Service, served: Served, stream: S, mut ended: Ended)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = service.settings().limits();
    let clock = Clock::new(match served.refused {
        None => Times {
            head: limits.head_time.0,
            idle: limits.idle.0,
        },
        Some(_) => Times {
            head: REFUSAL,
            idle: REFUSAL,
        },
    });
    let (head, io) = (
        limits.head.in_memory(),
        TokioIo::new(Clocked::new(stream, clock.clone())),
    );
    let connection = Arc::new(Connection {
        service,
        served,
        clock,
        since: Instant::now(),
        spared: AtomicBool::new(false),
    });
    let answering = Arc::clone(&connection);
    let answer = service_fn(move |request| {
        let connection = Arc::clone(&answering);
        async move { Ok::<_, Infallible>(connection.answer(request).await) }
    });
    let mut http = http1::Builder::new();
    http.max_buf_size(head)
        .max_headers(MOST_FIELDS)
        .keep_alive(true)
        .half_close(true);
    let mut serving = pin!(http.serve_connection(io, answer));
    let mut stops = false;
    loop {
        tokio::select! {
            done = serving.as_mut() => {
                if let Err(error) = done {
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            _ = ended.stopping.wait_for(|stopping| *stopping), if !stops => {
                stops = true;
                serving.as_mut().graceful_shutdown();
            }
            changed = ended.dropping.changed() => {
                if changed.is_err() || !connection.spared.swap(false, Ordering::AcqRel) {
                    return;
                }
            }
        }
    }
}

impl Connection {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.clock.busy();
        let result = self.result(request).await;
        self.clock.idle();
        response::of(result, self.is_last())
    }

    async fn result(&self, request: Request<Incoming>) -> Result<Reply, Refusal> {
        let (head, incoming) = request.into_parts();
        if let Some((refusal, _)) = &self.served.refused {
            return Err(refusal.clone());
        }
        let limits = self.service.settings().limits();
        let checked = headers::check(&head);
        let body = match checked {
            Ok(()) => body::read(incoming, limits.body.in_memory(), limits.body_time.0).await,
            Err(refusal) => Err(refusal),
        };
        let read = body.and_then(|body| {
            let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
            let received = Received {
                method: &head.method,
                target,
                body: &body,
            };
            let batch = limits.batch;
            Call::read(&received, self.service.settings().mount(), Limits { batch })
        });
        let call = read.map_err(|refusal| self.service.misunderstood(&self.served.caller, refusal))?;
        let drops = matches!(call, Call::DropConnections);
        let token = headers::token(&head).map(str::to_owned);
        let (service, caller) = (self.service.clone(), self.served.caller.clone());
        let called = if service.changes(&call) {
            // Goes on to its end, and into the log, when the connection ends meanwhile.
            let call = async move { service.call(&caller, token.as_deref(), call).await };
            let done = tokio::spawn(call).await;
            done.unwrap_or_else(|_| Err(Refusal::failed("the service failed; its log says why")))
        } else {
            service.call(&caller, token.as_deref(), call).await
        };
        if drops && called.is_ok() {
            self.spared.store(true, Ordering::Release);
            self.service.drop_connections();
        }
        called
    }

    /// Whether it ends with the next answer: it is old, was judged by a policy of before, or has no share.
    fn is_last(&self) -> bool {
        let age = self.service.settings().limits().connection_age.0;
        let ((), round) = self.service.with_policy(|_| ());
        self.served.refused.is_some() || self.since.elapsed() >= age || round != self.served.round
    }
}
