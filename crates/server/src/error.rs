//! What a request can fail with, and how that is told: `{"code","message"}`.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use crannog_proto::ErrorCode;
use http::{HeaderValue, StatusCode, header};

use crate::store::StoreError;

/// Every failure of a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ApiError {
    /// The request is refused.
    #[error("{0}")]
    Refused(ErrorCode),
    /// Too many requests.
    #[error("too many requests; again in {seconds} s")]
    Slow {
        /// When to try again.
        seconds: u32,
    },
    /// A file of the data directory could not be written or read.
    #[error("the data directory failed: {0}")]
    Disk(#[source] std::io::Error),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A task of the server ended before its time.
    #[error("a task of the server ended before its time")]
    Task,
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(code) => Self::Refused(code),
            StoreError::Full | StoreError::ReadOnly => Self::Refused(ErrorCode::StorageFull),
            StoreError::Closed => Self::Refused(ErrorCode::Unavailable),
            StoreError::Backend(source) => Self::Database(source),
        }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code)
    }
}

impl ApiError {
    /// A disk that is full, over its quota or read-only is the operator's matter, and told as such; anything else is ours.
    pub(crate) fn disk(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | ReadOnlyFilesystem | FileTooLarge => {
                tracing::warn!(error = %error, "no blob can be stored: the disk is full or read-only");
                Self::Refused(ErrorCode::StorageFull)
            }
            _ => Self::Disk(error),
        }
    }

    /// The code in the answer.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(code) => *code,
            Self::Slow { .. } => ErrorCode::TooManyRequests,
            Self::Disk(_) | Self::Database(_) | Self::Task => ErrorCode::Internal,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.code();
        if code == ErrorCode::Internal {
            tracing::error!(error = %self, "a request failed");
        }
        let body = serde_json::json!({ "code": code.as_str(), "message": message(code) }).to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Self::Slow { seconds } = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The code in words, for people.
pub(crate) fn message(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadRequest => "the request does not decode, or breaks a limit",
        ErrorCode::Unauthorized => "there is no session, or it ended: log in again",
        ErrorCode::Forbidden => "the token, grant or principal has not this right",
        ErrorCode::Suspended => "the operator suspended the account",
        ErrorCode::NotFound => "there is no such name, journal or blob here for you",
        ErrorCode::NameTaken => "the account name is taken",
        ErrorCode::InviteInvalid => "the invite is unknown, used up, revoked or expired",
        ErrorCode::BadSignature => "a signature does not verify",
        ErrorCode::StaleEpoch => "another rekey came first: read it, then try again",
        ErrorCode::StaleSeen => "`seen` is unknown or too far behind: read, then try again",
        ErrorCode::BadChain => "the link does not stand on the chain",
        ErrorCode::JournalClosed => "the journal was closed",
        ErrorCode::BlobMismatch => "the bytes do not hash to the blob's id",
        ErrorCode::TooLarge => "larger than a limit",
        ErrorCode::Quota => "the creator's quota is full: delete something, or ask the operator",
        ErrorCode::StorageFull => "the server's disk is full or read-only: the operator has to act",
        ErrorCode::InboxFull => "the inbox is full: its owner has to take something out",
        ErrorCode::TooManyRequests => "too many requests: wait as long as retry-after says",
        ErrorCode::Healing => {
            "the server was restored from a backup: until its operator ends it, only what devices give back is taken"
        }
        ErrorCode::Unavailable => "the server is shutting down or starting: try again",
        _ => "the server failed; nothing was acknowledged",
    }
}
