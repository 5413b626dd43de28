//! A bounded number of kept-alive connections.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::door::Door;
use crate::error::Error;

/// Half of what the service gives to one subject.
const AT_ONCE: usize = 32;
/// Shorter than the service's own.
const IDLE: Duration = Duration::from_secs(60);
/// A kept connection is ready at once, unless the service answered before it had read the whole request.
const READY: Duration = Duration::from_secs(1);

pub(super) struct Pool {
    pub(super) door: Door,
    pub(super) turns: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

/// One connection, used by one call at a time. Dropping it closes it.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    idle_since: Instant,
}

impl Pool {
    pub(super) fn new(door: Door) -> Self {
        Self {
            door,
            turns: Semaphore::new(AT_ONCE),
            idle: Mutex::default(),
        }
    }

    /// A connection that served another call before and seems to live.
    pub(super) async fn kept(&self) -> Option<Connection> {
        loop {
            let mut connection = self.pop()?;
            if let Ok(Ok(())) = timeout(READY, connection.sender.ready()).await {
                return Some(connection);
            }
        }
    }

    pub(super) async fn open(&self) -> Result<Connection, Error> {
        let line = self.door.open().await?;
        let (sender, driving) = http1::handshake(TokioIo::new(line))
            .await
            .map_err(|_| Error::Broken)?;
        let driver = tokio::spawn(async move {
            // How it ended, the call on it learns.
            let _ended = driving.await;
        });
        Ok(Connection {
            sender,
            driver,
            idle_since: Instant::now(),
        })
    }

    /// Takes a connection back whose answer was read to its end.
    pub(super) fn keep(&self, mut connection: Connection) {
        if !connection.sender.is_closed() {
            connection.idle_since = Instant::now();
            self.idle().push(connection);
        }
    }

    /// After one kept connection turned out dead, the others are not worth a try.
    pub(super) fn forget(&self) {
        self.idle().clear();
    }

    fn pop(&self) -> Option<Connection> {
        let mut idle = self.idle();
        idle.retain(|connection| !connection.sender.is_closed() && connection.idle_since.elapsed() < IDLE);
        idle.pop()
    }

    /// A panic elsewhere leaves a list of connections in order.
    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
