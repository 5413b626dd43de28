//! A bounded number of kept-alive HTTP/1.1 connections to one server.
//!
//! Two lanes: uploads and downloads may fill theirs, and an append still finds a free connection in the other.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crannog_agent_api::limits::MOST_AT_ONCE;
use crannog_core::check::Check;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::CertificateError;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::dial::Dial;
use super::error::{Obstacle, TransportError};
use super::paced::Paced;
use super::progress::{Progress, Watched};
use super::tls::{Pin, PinFailure};

/// How many of them are used is a matter of [`super::pace`].
const BULK_CONNECTIONS: usize = MOST_AT_ONCE as usize;
const CALL_CONNECTIONS: usize = 2;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);
/// A kept connection is ready at once, unless its server answered before it had read the whole request.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// Which of the two bounds a request counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Blobs.
    Bulk,
    /// All else: small and urgent.
    Call,
}

/// The connections of one transport.
pub(super) struct Pool {
    pin: Arc<Pin>,
    tls: TlsConnector,
    dial: Box<dyn Dial>,
    bulk: Semaphore,
    call: Semaphore,
    idle: Mutex<Vec<Connection>>,
    reaper: Mutex<Option<JoinHandle<()>>>,
}

/// One connection, owned by one request at a time. Dropping it closes it.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Paced>,
    pub(super) progress: Progress,
    driver: JoinHandle<()>,
    idle_since: Instant,
}

/// A connection with the right to use it.
pub(super) struct Leased<'a> {
    pub(super) connection: Connection,
    /// It served another request before, so the server may just have closed it.
    pub(super) reused: bool,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    pub(super) fn new(pin: Arc<Pin>, dial: Box<dyn Dial>) -> Result<Arc<Self>, rustls::Error> {
        let config = pin.client_config()?;
        Ok(Arc::new(Self {
            pin,
            tls: TlsConnector::from(Arc::new(config)),
            dial,
            bulk: Semaphore::new(BULK_CONNECTIONS),
            call: Semaphore::new(CALL_CONNECTIONS),
            idle: Mutex::default(),
            reaper: Mutex::default(),
        }))
    }

    /// A living connection: the one used last, or a new one.
    pub(super) async fn lease(&self, lane: Lane) -> Result<Leased<'_>, TransportError> {
        let lane = match lane {
            Lane::Bulk => &self.bulk,
            Lane::Call => &self.call,
        };
        let broken = |_| TransportError::unreachable(Obstacle::Broken);
        let _permit = lane.acquire().await.map_err(broken)?;
        while let Some(mut connection) = self.pop_idle() {
            if matches!(
                timeout(READY_TIMEOUT, connection.sender.ready()).await,
                Ok(Ok(()))
            ) {
                return Ok(Leased {
                    connection,
                    reused: true,
                    _permit,
                });
            }
        }
        let (stream, progress) = self.open().await?;
        let (sender, driving) = http1::Builder::new()
            .handshake::<_, Paced>(TokioIo::new(stream))
            .await
            .map_err(|_| TransportError::unreachable(Obstacle::Broken))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = driving.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        let connection = Connection {
            sender,
            progress,
            driver,
            idle_since: Instant::now(),
        };
        Ok(Leased {
            connection,
            reused: false,
            _permit,
        })
    }

    /// Takes a connection back whose answer was read to its end.
    pub(super) fn keep(self: &Arc<Self>, mut leased: Leased<'_>) {
        if leased.connection.sender.is_closed() {
            return;
        }
        leased.connection.idle_since = Instant::now();
        lock(&self.idle).push(leased.connection);
        let mut reaper = lock(&self.reaper);
        if reaper.as_ref().is_none_or(JoinHandle::is_finished) {
            *reaper = Some(tokio::spawn(reap(Arc::downgrade(self))));
        }
    }

    /// After one kept connection turned out dead, the others are not worth a try.
    pub(super) fn forget_idle(&self) {
        lock(&self.idle).clear();
    }

    /// A new TLS connection to the pinned server, outside both lanes.
    pub(super) async fn open(&self) -> Result<(TlsStream<Watched>, Progress), TransportError> {
        let opening = async {
            let connect = |error: io::Error| TransportError::unreachable(Obstacle::Connect(error.kind()));
            let line = self.dial.dial().await.map_err(connect)?;
            let progress = Progress::new();
            let watched = Watched {
                line,
                progress: progress.clone(),
            };
            let stream = self
                .tls
                .connect(self.pin.name(), watched)
                .await
                .map_err(|error| self.refused(error))?;
            Ok((stream, progress))
        };
        timeout(CONNECT_TIMEOUT, opening)
            .await
            .unwrap_or(Err(TransportError::TimedOut))
    }

    fn pop_idle(&self) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        idle.retain(Connection::is_fresh);
        idle.pop()
    }

    /// CHK-020: a wrong certificate is a lie; an endpoint that speaks no TLS of ours is merely not there.
    fn refused(&self, error: io::Error) -> TransportError {
        let kind = error.kind();
        let Some(error) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        else {
            return TransportError::unreachable(Obstacle::Connect(kind));
        };
        let rustls::Error::InvalidCertificate(cause) = error else {
            tracing::debug!(%error, "TLS handshake failed");
            return TransportError::unreachable(Obstacle::Tls);
        };
        let failure = match cause {
            CertificateError::Other(other) => other.0.downcast_ref::<PinFailure>(),
            _ => None,
        };
        let name = self.pin.fingerprint().dns_name();
        match failure {
            Some(PinFailure { reason, chain }) => TransportError::misbehaved(
                Check::Server,
                format_args!("server {name}: {reason}"),
                chain.as_slice(),
            ),
            None => TransportError::misbehaved(Check::Server, format_args!("server {name}"), []),
        }
    }
}

impl Connection {
    fn is_fresh(&self) -> bool {
        !self.sender.is_closed() && self.idle_since.elapsed() < IDLE_TIMEOUT
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Closes connections that nobody used for a while; ends when none is left.
async fn reap(pool: Weak<Pool>) {
    loop {
        // sleep: idle connections are looked at again when the first could be due
        sleep(IDLE_TIMEOUT).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut reaper = lock(&pool.reaper);
        let mut idle = lock(&pool.idle);
        idle.retain(Connection::is_fresh);
        if idle.is_empty() {
            *reaper = None;
            return;
        }
    }
}

/// A panic elsewhere leaves a list of connections in order.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
