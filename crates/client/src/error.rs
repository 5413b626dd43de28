//! What can go wrong inside the engine, by whose fault; at the edge it becomes a [`Failure`].

use crannog_agent_api::{Code, Failure};
use crannog_core::check::Check;
use crannog_proto::ErrorCode;

use crate::db::DbError;
use crate::transport::TransportError;

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// The server (or a member) lied; never retried.
    #[error("{check}")]
    Lied {
        /// Which check found it.
        check: Check,
        /// On which object.
        object: String,
    },
    /// The line or the server's answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The local database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The local disk, at a path.
    #[error("{object}: {source}")]
    Io {
        /// Which file.
        object: String,
        /// The system's word.
        source: std::io::Error,
    },
    /// The user's own: no such path, something in the way.
    #[error("{0}")]
    User(Failure),
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn lied(check: Check, object: impl Into<String>) -> Self {
        Self::Lied {
            check,
            object: object.into(),
        }
    }

    pub(crate) fn io(object: impl AsRef<std::path::Path>, source: std::io::Error) -> Self {
        Self::Io {
            object: object.as_ref().display().to_string(),
            source,
        }
    }

    /// The task that did the work died.
    pub(crate) fn task(_: tokio::task::JoinError) -> Self {
        Self::User(Failure::new(
            Code::Internal,
            "a background task of the engine failed",
        ))
    }

    /// The server refused with this code.
    pub(crate) fn server_code(&self) -> Option<ErrorCode> {
        match self {
            Self::Transport(TransportError::Server { code, .. }) => Some(*code),
            _ => None,
        }
    }
}

impl Error {
    /// The server has not (any more) what was staged for an entry.
    pub(crate) fn is_missing_blobs(&self) -> bool {
        matches!(self, Self::Transport(TransportError::Server { code: ErrorCode::NotFound, ids, .. }) if !ids.is_empty())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::User(failure)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_missing_blobs() {
            return Self::new(
                Code::TryAgain,
                "the server no longer has all that was sent for this change",
            )
            .hint("repeat the command: what is missing is sent again");
        }
        match error {
            Error::Lied { check, object } => verification(check, object),
            Error::Transport(error) => transport(error),
            Error::Db(error) => database(&error),
            Error::Io { object, source } => local_io(object, &source),
            Error::User(failure) => failure,
        }
    }
}

fn verification(check: Check, object: String) -> Failure {
    Failure::new(Code::VerificationFailed, check.text())
        .object(object)
        .check(format!("CHK-{:03}", check.number()))
        .hint("the server, or someone on the way, is not honest or is damaged; nothing was changed here. Keep this message, and ask the operator")
}

fn transport(error: TransportError) -> Failure {
    match error {
        TransportError::Misbehaved { check, object, .. } => verification(check, object),
        TransportError::Server { code, .. } => server(code),
        other => Failure::new(Code::TryAgain, other.to_string())
            .hint("check the network and that the server runs; what was sent is kept, so the same command goes on where it stopped"),
    }
}

fn server(code: ErrorCode) -> Failure {
    let (exit, message, hint) = match code {
        ErrorCode::Quota => (
            Code::Quota,
            "the account's quota on the server is full",
            "empty the trash (crannog trash empty), remove old versions, or ask the operator for more",
        ),
        ErrorCode::StorageFull => (
            Code::Quota,
            "the server's disk is full",
            "ask the operator; nothing was lost",
        ),
        ErrorCode::Unauthorized => (
            Code::WrongCredentials,
            "the server does not know this device (any more)",
            "it was revoked, or the account was deleted; with the recovery words you can make a new device. If the operator restored a backup: crannog heal",
        ),
        ErrorCode::Suspended => (
            Code::WrongCredentials,
            "the operator suspended this account",
            "ask the operator",
        ),
        ErrorCode::NameTaken => (
            Code::Conflict,
            "that name is taken on this server",
            "choose another --name",
        ),
        ErrorCode::InviteInvalid => (
            Code::WrongCredentials,
            "the invite is unknown, used up, revoked or expired",
            "ask the operator for a new one (crannogd invite create)",
        ),
        ErrorCode::NotFound => (Code::NotFound, "the server has no such thing", "check the name"),
        ErrorCode::InboxFull => (
            Code::TryAgain,
            "her inbox on the server is full",
            "it is emptied when one of her devices comes online; share again then",
        ),
        ErrorCode::Healing => (
            Code::Healing,
            "the server was restored from a backup, and takes nothing new before devices have given back what came later",
            "crannog heal, on each device of everybody; then the operator ends it (crannogd healing end)",
        ),
        ErrorCode::TooManyRequests | ErrorCode::Unavailable => (
            Code::TryAgain,
            "the server asks to try again later",
            "wait a little and repeat the command",
        ),
        ErrorCode::Internal => (
            Code::TryAgain,
            "the server had an error of its own; nothing was acknowledged",
            "try again; if it stays, ask the operator to look at the server's log",
        ),
        _ => (
            Code::Other,
            "the server refused the request",
            "crannog doctor tells more",
        ),
    };
    Failure::new(exit, message).object(code.as_str()).hint(hint)
}

fn database(error: &DbError) -> Failure {
    match error {
        DbError::Newer { .. } => Failure::new(Code::LocalState, error.to_string())
            .hint("install the newer crannog again; a downgrade would lose what it wrote"),
        DbError::Full => {
            Failure::new(Code::LocalIo, "the local disk is full").hint("make room, then repeat the command")
        }
        DbError::TooMuch => Failure::new(Code::Other, error.to_string())
            .hint("look at one folder at a time; stat, get and mv take a single path, however many lie beside it"),
        DbError::Disk(_) | DbError::Io(_) => Failure::new(Code::LocalIo, error.to_string())
            .hint("look after the disk (read-only, damaged?) and the permissions of the profile's folder, then repeat the command"),
        _ => Failure::new(Code::LocalState, error.to_string()).hint(
            "crannog doctor tells more; with the recovery words everything on the server can be had again",
        ),
    }
}

fn local_io(object: String, source: &std::io::Error) -> Failure {
    use std::io::ErrorKind;
    let (code, hint) = match source.kind() {
        ErrorKind::NotFound => (Code::NotFound, "check the local path"),
        ErrorKind::PermissionDenied => (Code::LocalIo, "check the file's permissions"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (
            Code::LocalIo,
            "make room on the local disk, then repeat the command",
        ),
        ErrorKind::ReadOnlyFilesystem => (Code::LocalIo, "the local disk is read-only"),
        _ => (Code::LocalIo, "the local system refused"),
    };
    Failure::new(code, source.to_string()).object(object).hint(hint)
}
