//! Where the service is reached.

use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

use crate::error::Error;

/// A connection to the service.
pub(super) trait Line: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

pub(super) enum Door {
    Unix(PathBuf),
    #[cfg(feature = "tls")]
    Tls(Box<super::tls::TlsDoor>),
}

impl Door {
    pub(super) async fn open(&self) -> Result<Box<dyn Line>, Error> {
        match self {
            Self::Unix(path) => match UnixStream::connect(path).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => Err(Error::Unreachable(error.kind())),
            },
            #[cfg(feature = "tls")]
            Self::Tls(door) => Ok(Box::new(door.open().await?)),
        }
    }

    /// What stands in `Host`.
    pub(super) fn host(&self) -> &str {
        match self {
            Self::Unix(_) => "localhost",
            #[cfg(feature = "tls")]
            Self::Tls(door) => door.authority(),
        }
    }
}
