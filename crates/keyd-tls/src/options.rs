//! What the TLS process is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where it listens, by what it is known, where the key process is, and how much it bears.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// PEM: the certificate, and those that vouch for it.
    pub cert: PathBuf,
    /// PEM: its private key, PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
    /// The socket of the key process for this one.
    pub proxy_socket: PathBuf,
    /// How much it bears.
    pub limits: Limits,
}

/// What one client, or all of them, may take (KEY-015). What is beyond is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Clients at once that the key process has not let in yet.
    pub handshakes: usize,
    /// The same, of one IPv4 address, or of one IPv6 network of 64 bits, which is what one customer is given.
    pub handshakes_per_address: usize,
    /// From the connection to the end of the handshake.
    pub handshake_time: Duration,
    /// From there to the answer of the key process.
    pub introduction_time: Duration,
    /// Connections at once, those at the handshake too. Fewer where the limit of open files, two for each, is lower.
    pub connections: usize,
    /// How long a client may leave 16 KiB that are for it untaken.
    pub stall_time: Duration,
    /// How long a client may go on, saying nothing, after the key process has said its last.
    pub linger_time: Duration,
    /// How long connections may go on after the stop.
    pub stop_time: Duration,
}

impl Options {
    /// With the limits of docs/spec/keyd.md.
    pub fn new(
        listen: SocketAddr,
        cert: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        proxy_socket: impl Into<PathBuf>,
    ) -> Self {
        Self {
            listen,
            cert: cert.into(),
            key: key.into(),
            proxy_socket: proxy_socket.into(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshakes: 64,
            handshakes_per_address: 8,
            handshake_time: Duration::from_secs(5),
            introduction_time: Duration::from_secs(5),
            connections: 1024,
            stall_time: Duration::from_secs(30),
            linger_time: Duration::from_secs(2),
            stop_time: Duration::from_secs(10),
        }
    }
}
