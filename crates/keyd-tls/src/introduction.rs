//! Telling the key process who comes.

use std::io;
use std::path::Path;
use std::time::Duration;

use crannog_keyd::identity::ProxyHello;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::complaints::Complaint;

/// A rule names the client's certificate.
const WELCOME: u8 = 1;
/// None does.
const REFUSED: u8 = 0;

/// Why the client is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotLetIn {
    #[error("KEY-009: no rule of the policy names its certificate")]
    NotNamed,
    #[error("the key process cannot be reached; is crannog-keyd.service running? {0}")]
    Unreachable(io::Error),
    #[error("KEY-009: the key process closed the connection unread: it expects another user on this socket")]
    Closed,
    #[error("KEY-015: the key process did not answer in time")]
    Late,
    #[error("CHK-029: the key process answered {0:#04x}, which is neither yes nor no")]
    Answer(u8),
    #[error("the key process broke off: {0}")]
    Broken(io::Error),
}

impl NotLetIn {
    /// Whether it is the client's own business or the service's.
    pub(crate) fn complaint(&self) -> Complaint {
        match self {
            Self::NotNamed => Complaint::NotNamed,
            _ => Complaint::KeyProcess,
        }
    }
}

/// A connection on which the key process serves this client.
pub(crate) async fn introduce(
    socket: &Path,
    hello: &ProxyHello,
    time: Duration,
) -> Result<UnixStream, NotLetIn> {
    timeout(time, ask(socket, hello))
        .await
        .unwrap_or(Err(NotLetIn::Late))
}

async fn ask(socket: &Path, hello: &ProxyHello) -> Result<UnixStream, NotLetIn> {
    let mut stream = UnixStream::connect(socket).await.map_err(NotLetIn::Unreachable)?;
    stream.write_all(&hello.to_bytes()).await.map_err(broken)?;
    match stream.read_u8().await.map_err(broken)? {
        WELCOME => Ok(stream),
        REFUSED => Err(NotLetIn::NotNamed),
        other => Err(NotLetIn::Answer(other)),
    }
}

fn broken(error: io::Error) -> NotLetIn {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
            NotLetIn::Closed
        }
        _ => NotLetIn::Broken(error),
    }
}
