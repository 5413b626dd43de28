//! How much a client may ask of the server.

use serde::{Deserialize, Serialize};

/// Section `[limits]` of the configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once, of everyone.
    pub connections: usize,
    /// Connections at once, of one address.
    pub connections_per_address: usize,
    /// Challenges, logins and registrations a minute, of one address.
    pub logins_per_minute: u32,
    /// Requests a second, of one session.
    pub requests_per_second: u32,
    /// Uploads under way at once, of one session.
    pub uploads_per_session: usize,
    /// Uploads under way at once, of everyone; each may hold 1.5 MiB of memory.
    pub uploads: usize,
    /// Seconds until a TLS handshake must be done.
    pub handshake_seconds: u64,
    /// Seconds that a connection may wait for the next request, a request for its next bytes, an answer for its reader.
    pub idle_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            connections_per_address: 512,
            logins_per_minute: 30,
            requests_per_second: 2_000,
            uploads_per_session: crannog_proto::limits::UPLOADS,
            uploads: 256,
            handshake_seconds: 10,
            idle_seconds: 60,
        }
    }
}
