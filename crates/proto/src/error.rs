//! The server's error codes: stable words, whose fault is told by the HTTP status (`docs/spec/api.md`).

use std::fmt;
use std::str::FromStr;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// A stable error code of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode { $($(#[$doc])* $name,)* }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it stands in answers.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that it comes with.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// Does not decode, or breaks a limit.
    BadRequest = "bad_request", 400;
    /// No session, or it ended.
    Unauthorized = "unauthorized", 401;
    /// The token, grant or principal has not this right.
    Forbidden = "forbidden", 403;
    /// The operator suspended the account.
    Suspended = "suspended", 403;
    /// No such thing, or no right to know.
    NotFound = "not_found", 404;
    /// The account name exists.
    NameTaken = "name_taken", 409;
    /// The invite is unknown, used up, revoked or expired.
    InviteInvalid = "invite_invalid", 403;
    /// A header, link or login signature does not verify.
    BadSignature = "bad_signature", 400;
    /// Another rekey came first.
    StaleEpoch = "stale_epoch", 409;
    /// `seen` is unknown or too far behind.
    StaleSeen = "stale_seen", 409;
    /// The link does not stand on the chain.
    BadChain = "bad_chain", 409;
    /// The journal was closed.
    JournalClosed = "journal_closed", 410;
    /// The bytes do not hash to the id.
    BlobMismatch = "blob_mismatch", 422;
    /// Larger than a limit.
    TooLarge = "too_large", 413;
    /// The creator's quota is full.
    Quota = "quota", 507;
    /// The server's disk is full.
    StorageFull = "storage_full", 507;
    /// The recipient's inbox is full.
    InboxFull = "inbox_full", 507;
    /// Slow down.
    TooManyRequests = "too_many_requests", 429;
    /// The server's fault; nothing was acknowledged.
    Internal = "internal", 500;
    /// The server was restored from a backup and waits for what came later.
    Healing = "healing", 503;
    /// Shutting down, or starting.
    Unavailable = "unavailable", 503;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not one of our codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown error code")]
pub struct UnknownCode;

impl FromStr for ErrorCode {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or(UnknownCode)
    }
}
