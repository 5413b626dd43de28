//! Why a call has no answer, by whose fault it is.

use std::io;

use crate::path::NameError;
use crate::refusal::{Refusal, RefusalKind};
use crate::wrong::Wrong;

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody takes the connection, or this process may not open the socket.
    #[error("the key service cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
    /// The connection ended in the middle. Whether the call was done is not known.
    #[error("the connection to the key service broke")]
    Broken,
    /// No answer in time. Whether the call was done is not known.
    #[error("the key service did not answer in time")]
    TimedOut,
    /// The service refused, in its own words.
    #[error("{0}")]
    Refused(Refusal),
    /// What answers is not the service, or not whole.
    #[error("the key service's answer is wrong: {0}")]
    Misbehaved(Misbehaviour),
    /// The caller asked for what cannot be said.
    #[error("this request cannot be made: {0}")]
    Misuse(Misuse),
    /// TLS refused, on this side or on the other one.
    #[cfg(feature = "tls")]
    #[error("{0}")]
    Tls(crate::client::TlsError),
}

/// How an answer is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misbehaviour {
    /// It is not HTTP/1.1.
    #[error("not HTTP")]
    NotHttp,
    /// A status that does not go with what came. No redirect is followed.
    #[error("unexpected status {0}")]
    Status(u16),
    /// Not `application/json`.
    #[error("not application/json")]
    ContentType,
    /// A content coding, which nobody asked for.
    #[error("an encoded body")]
    ContentEncoding,
    /// More bytes than this client takes.
    #[error("more than {0} bytes")]
    TooLarge(usize),
    /// The body is not what the interface says.
    #[error("{0}")]
    Body(Wrong),
    /// The answer to another question.
    #[error("an answer to another question")]
    OtherAnswer,
}

/// How a request is wrong before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// Not a name of a key.
    #[error("{0}")]
    Name(NameError),
    /// A batch without items, or a value that cannot be written.
    #[error("{0}")]
    Body(Wrong),
    /// Not an address of a service.
    #[error("not an address: https://HOST:PORT is one")]
    Address,
}

impl Error {
    /// Whether the same call may succeed later without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(kind) => !matches!(kind, io::ErrorKind::PermissionDenied),
            Self::Broken | Self::TimedOut => true,
            Self::Refused(refusal) => matches!(
                refusal.kind(),
                RefusalKind::Busy | RefusalKind::Unavailable | RefusalKind::Sealed
            ),
            _ => false,
        }
    }

    /// The service's refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    pub(crate) fn body(wrong: Wrong) -> Self {
        Self::Misbehaved(Misbehaviour::Body(wrong))
    }
}

impl From<NameError> for Error {
    fn from(error: NameError) -> Self {
        Self::Misuse(Misuse::Name(error))
    }
}
