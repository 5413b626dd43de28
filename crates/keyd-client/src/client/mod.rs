//! The client: keep-alive connections to one service.

mod batch;
mod calls;
mod door;
mod exchange;
mod pool;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

pub use calls::{Binding, SealedDataKey};
#[cfg(feature = "tls")]
pub use tls::{TlsError, TlsIdentity};

use crate::answer::Reply;
use crate::call::Call;
use crate::error::Error;
use crate::path::Mount;
use door::Door;
use pool::Pool;

/// A client of one service. Clones share connections. It needs a Tokio runtime with I/O and time.
#[derive(Clone)]
pub struct Client {
    pool: Arc<Pool>,
    settings: Settings,
}

/// How a client behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Where the interface is mounted: `transit`.
    pub mount: Mount,
    /// How long a call may last, connecting and waiting for its turn included: 30 s.
    pub timeout: Duration,
    /// The largest answer, in bytes: 64 MiB.
    pub most_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mount: Mount::default(),
            timeout: Duration::from_secs(30),
            most_bytes: 64 * 1024 * 1024,
        }
    }
}

impl Client {
    /// A client of the service that listens on this Unix socket. Nothing is opened yet.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::through(Door::Unix(path.into()))
    }

    /// A client of the service at `https://HOST:PORT`, by mutual TLS. Nothing is opened yet.
    ///
    /// # Errors
    /// [`Misuse::Address`](crate::Misuse::Address), or [`Error::Tls`] if the identity is not one.
    #[cfg(feature = "tls")]
    pub fn tls(address: &str, identity: TlsIdentity) -> Result<Self, Error> {
        Ok(Self::through(Door::Tls(Box::new(tls::TlsDoor::new(
            address, identity,
        )?))))
    }

    fn through(door: Door) -> Self {
        Self {
            pool: Arc::new(Pool::new(door)),
            settings: Settings::default(),
        }
    }

    /// The same connections, used in another way.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut other = self.clone();
        change(&mut other.settings);
        other
    }

    /// Makes any call of the interface. A call that was lost together with a connection kept from before is made once more, if it never
    /// left or does no more the second time than the first ([`Call::is_repeatable`]).
    ///
    /// # Errors
    /// All of [`Error`]. A batch of which items failed is no error: each item has its own.
    pub async fn call(&self, call: &Call) -> Result<Reply, Error> {
        timeout(
            self.settings.timeout,
            exchange::exchange(&self.pool, &self.settings, call),
        )
        .await
        .unwrap_or(Err(Error::TimedOut))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
