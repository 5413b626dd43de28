//! Bytes both ways, unseen. Each way has one buffer, so that who does not read holds up nobody but herself.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, sink, split};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::options::Limits;

/// One TLS record.
const BUFFER: usize = 1 << 14;
/// The key process reads when it likes: its own limits hold there.
const FOR_EVER: Duration = Duration::MAX;

/// Which side ended a way early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("reading: {0}")]
    Reading(io::Error),
    #[error("writing: {0}")]
    Writing(io::Error),
}

/// Copies until both sides have said their last, or one of them broke off or is stuck. An end on one side becomes an end on the
/// other, which may go on: the key process as long as it likes, the client as long as it is heard.
pub(crate) async fn relay<C, K>(mut client: C, key_process: K, limits: &Limits) -> Result<(), Broken>
where
    C: AsyncRead + AsyncWrite + Unpin,
    K: AsyncRead + AsyncWrite,
{
    copy(&mut client, key_process, limits).await?;
    drain(&mut client, limits.linger_time).await;
    Ok(())
}

/// Ends a connection so that what was written arrives: a socket that closes with bytes unread takes back what it sent.
pub(crate) async fn close<C: AsyncRead + AsyncWrite + Unpin>(mut client: C, linger: Duration) {
    if let Ok(Ok(())) = timeout(linger, client.shutdown()).await {
        drain(&mut client, linger).await;
    }
}

async fn copy<C, K>(client: &mut C, key_process: K, limits: &Limits) -> Result<(), Broken>
where
    C: AsyncRead + AsyncWrite + Unpin,
    K: AsyncRead + AsyncWrite,
{
    let (from_client, to_client) = split(client);
    let (from_keys, to_keys) = split(key_process);
    let (heard, answered) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut up = pin!(pump(from_client, to_keys, FOR_EVER, &heard));
    let mut down = pin!(pump(from_keys, to_client, limits.stall_time, &answered));
    tokio::select! {
        ended = &mut up => match ended {
            // What the key process has still to say, for instance why it does not listen.
            Ok(()) | Err(Broken::Writing(_)) => down.await,
            Err(reading) => Err(reading),
        },
        ended = &mut down => {
            ended?;
            while_heard(up, &heard, limits.linger_time).await;
            Ok(())
        }
    }
}

/// Until `from` ends; then `to` ends too.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    stall: Duration,
    buffers: &AtomicU64,
) -> Result<(), Broken> {
    let mut buffer = Zeroizing::new(vec![0; BUFFER]);
    loop {
        let len = from.read(&mut buffer).await.map_err(Broken::Reading)?;
        let Some(bytes) = buffer.get(..len).filter(|bytes| !bytes.is_empty()) else {
            return within(stall, to.shutdown()).await;
        };
        let written = async {
            to.write_all(bytes).await?;
            to.flush().await
        };
        within(stall, written).await?;
        buffers.fetch_add(1, Ordering::Relaxed);
    }
}

/// KEY-015: who does not take what is for it is let go.
async fn within(stall: Duration, writing: impl Future<Output = io::Result<()>>) -> Result<(), Broken> {
    timeout(stall, writing)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(Broken::Writing)
}

/// Lets a client go on whom the key process still hears, though it has said its last.
async fn while_heard(
    mut up: Pin<&mut impl Future<Output = Result<(), Broken>>>,
    buffers: &AtomicU64,
    linger: Duration,
) {
    let mut before = buffers.load(Ordering::Relaxed);
    while timeout(linger, up.as_mut()).await.is_err() {
        let now = buffers.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}

/// Takes what the client still sends, for so long altogether, until it ends.
async fn drain(client: &mut (impl AsyncRead + Unpin), linger: Duration) {
    let mut nowhere = sink();
    drop(timeout(linger, tokio::io::copy(client, &mut nowhere)).await);
}
