//! Names of sockets.

use std::fmt;

/// The name of a socket, which is a fact about everybody who connects to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketName(String);

const CLIENTS: &str = "clients";
const ADMIN: &str = "admin";
const TLS: &str = "tls";

impl SocketName {
    /// The longest name, in bytes: it is a folder's.
    pub const MAX_LEN: usize = 64;

    /// 1 to 64 characters of `A-Z a-z 0-9 _ - .`, the first one a letter, a digit or `_`.
    pub fn parse(text: &str) -> Option<Self> {
        let edge = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let fits = text.len() <= Self::MAX_LEN
            && text.bytes().next().is_some_and(edge)
            && text.bytes().all(|byte| edge(byte) || matches!(byte, b'-' | b'.'));
        fits.then(|| Self(text.to_owned()))
    }

    /// The socket of all clients.
    pub fn clients() -> Self {
        Self(CLIENTS.to_owned())
    }

    /// The socket of administrators.
    pub fn admin() -> Self {
        Self(ADMIN.to_owned())
    }

    /// What every client of the TLS process came through. No local socket has it.
    pub fn tls() -> Self {
        Self(TLS.to_owned())
    }

    /// Whether it is one of the service's own: an application's socket has another name.
    pub fn is_reserved(&self) -> bool {
        [CLIENTS, ADMIN, TLS].contains(&self.0.as_str())
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.0 == TLS
    }

    pub(super) fn is_admin(&self) -> bool {
        self.0 == ADMIN
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SocketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
