//! Opens the byte stream beneath TLS: TCP to the first address that answers.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::sleep;

/// Head start of each address before the next is tried beside it (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// A byte stream, both ways.
pub trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// How a [`Dial`] answers.
pub type Dialing<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Line>>> + Send + 'a>>;

/// Opens lines to the server. TLS is always spoken above, so that whoever implements this can delay and cut, but not lie.
pub trait Dial: Send + Sync {
    /// Opens one.
    fn dial(&self) -> Dialing<'_>;
}

/// Dials `host:port` over TCP.
pub(super) struct Tcp {
    pub(super) address: String,
}

impl Dial for Tcp {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let addresses = interleave(lookup_host(&self.address).await?.collect());
            let stream = first_to_answer(addresses).await?;
            stream.set_nodelay(true)?;
            fail_when_unacknowledged(&stream)?;
            Ok(Box::new(stream) as Box<dyn Line>)
        })
    }
}

/// Happy Eyeballs: one dead address family must not cost a connect timeout.
async fn first_to_answer(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut trying = FuturesUnordered::new();
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        let next = waiting.next();
        let more = next.is_some();
        trying.extend(next.map(TcpStream::connect));
        tokio::select! {
            Some(result) = trying.next() => match result {
                Ok(stream) => return Ok(stream),
                Err(error) => last_error = error,
            },
            // sleep: the next address gets its chance after a head start (RFC 8305)
            () = sleep(HEAD_START), if more => {}
            else => return Err(last_error),
        }
    }
}

/// Alternates between address families, beginning with the resolver's favourite.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (mut favourite, mut other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv4() == first_is_v4);
    favourite.reverse();
    other.reverse();
    let mut mixed = Vec::with_capacity(favourite.len() + other.len());
    while !(favourite.is_empty() && other.is_empty()) {
        mixed.extend(favourite.pop());
        mixed.extend(other.pop());
    }
    mixed
}

/// Bytes that the kernel took from us look like progress although they may never arrive: let it give up by itself.
#[cfg(target_os = "linux")]
fn fail_when_unacknowledged(stream: &TcpStream) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt::TcpUserTimeout};

    const UNACKNOWLEDGED_MS: u32 = 30_000;
    Ok(setsockopt(stream, TcpUserTimeout, &UNACKNOWLEDGED_MS)?)
}

#[cfg(not(target_os = "linux"))]
fn fail_when_unacknowledged(_stream: &TcpStream) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_alternate() {
        let parse = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<Vec<SocketAddr>>()
        };
        let given = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"]);
        let mixed = parse(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"]);
        assert_eq!(interleave(given), mixed);
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_living_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let living = listener.local_addr().unwrap();
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = closed.local_addr().unwrap();
        drop(closed);
        let stream = first_to_answer(vec![dead, living]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), living);
        assert!(first_to_answer(vec![dead]).await.is_err());
        assert!(first_to_answer(Vec::new()).await.is_err());
    }
}
