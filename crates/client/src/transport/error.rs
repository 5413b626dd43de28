//! What can go wrong on the way to the server and back, by whose fault it is.

use std::fmt;
use std::io;
use std::time::Duration;

use crannog_core::check::Check;
use crannog_proto::{BlobId, ErrorCode};

/// Why a call has no answer. Only [`TransportError::is_transient`] ones are worth another try.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// Nobody answered, or the line broke. Nobody's fault that can be named.
    #[error("the server cannot be reached: {what}")]
    Unreachable {
        /// What stood in the way.
        what: Obstacle,
    },
    /// No byte moved for too long.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The server refused, in its own words.
    #[error("the server answered: {code}")]
    Server {
        /// Its code.
        code: ErrorCode,
        /// The blobs that it speaks of, if any.
        ids: Vec<BlobId>,
        /// How long it wants to be left alone; bounded.
        retry_after: Option<Duration>,
    },
    /// A status that the API does not have, or one without its code.
    #[error("the server answered with the unexpected status {status}")]
    UnknownStatus {
        /// The HTTP status.
        status: u16,
    },
    /// The server failed a check. Never retried, never downgraded to a warning.
    #[error("the server failed a check on {object} ({check})")]
    Misbehaved {
        /// Which check.
        check: Check,
        /// What was asked for.
        object: String,
        /// What the server sent, for the user to keep; never holds a token.
        evidence: Evidence,
    },
    /// This call needs a login, and none is set.
    #[error("not logged in")]
    NotLoggedIn,
    /// The caller asked for what the API cannot do.
    #[error("this request cannot be made: {0}")]
    Misuse(&'static str),
}

impl TransportError {
    /// Whether the same call may succeed later without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { what } => !matches!(what, Obstacle::Tls),
            Self::TimedOut => true,
            Self::Server { code, .. } => {
                matches!(
                    code,
                    ErrorCode::TooManyRequests | ErrorCode::Internal | ErrorCode::Unavailable
                )
            }
            Self::UnknownStatus { status } => *status == 429 || *status >= 500,
            Self::Misbehaved { .. } | Self::NotLoggedIn | Self::Misuse(_) => false,
        }
    }

    /// Entries that do not follow one another, or not what was read (CHK-011).
    pub(crate) fn is_gap(&self) -> bool {
        matches!(
            self,
            Self::Misbehaved {
                check: Check::Head,
                ..
            }
        )
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The server's code, if it refused with one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Server { code, .. } => Some(*code),
            _ => None,
        }
    }

    pub(super) fn misbehaved(check: Check, object: impl fmt::Display, evidence: impl Into<Vec<u8>>) -> Self {
        Self::Misbehaved {
            check,
            object: object.to_string(),
            evidence: Evidence(evidence.into()),
        }
    }

    pub(super) fn unreachable(what: Obstacle) -> Self {
        Self::Unreachable { what }
    }
}

/// What stood between client and server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// Its name did not resolve, or nobody took the connection.
    #[error("no connection ({0})")]
    Connect(io::ErrorKind),
    /// Whoever is there does not speak TLS 1.3 with X25519MLKEM768.
    #[error("no TLS 1.3 with X25519MLKEM768 at that address")]
    Tls,
    /// The line broke in the middle.
    #[error("the connection broke")]
    Broken,
    /// Whoever is there does not speak HTTP/1.1 or WebSocket.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// A bell that should show a sign of life did not.
    #[error("the bell stayed silent")]
    Silent,
}

/// Bytes that a lying server sent. `Debug` shows only how many.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Evidence(pub Vec<u8>);

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Evidence({} bytes)", self.0.len())
    }
}

impl From<Vec<u8>> for Evidence {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
