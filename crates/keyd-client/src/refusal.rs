//! Answers that refuse.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::json::{Fields, to_json};
use crate::wrong::Wrong;

/// A refusal: a status and its sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Why; nothing where something is not there.
    pub errors: Vec<String>,
    /// Of 405: the methods that there are.
    pub allow: Option<String>,
    /// Of 429: how long to wait.
    pub retry_after: Option<Duration>,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The request is wrong, or the key does not do that.
    Invalid,
    /// Identity, policy or token.
    Denied,
    /// No such path, or no such key where keys are read.
    NotFound,
    /// The path exists, the method does not.
    Method,
    /// The request was too slow or too large.
    Bounds,
    /// Too many requests: later.
    Busy,
    /// The store is locked.
    Sealed,
    /// The service cannot do it now.
    Unavailable,
    /// A damaged key or a failed disk.
    Failed,
}

impl Refusal {
    /// The longest sentence that a client keeps, in characters.
    const MOST_TEXT: usize = 1024;
    const SEALED: &str = "Vault is sealed";

    /// With one sentence.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            errors: vec![text.into()],
            allow: None,
            retry_after: None,
        }
    }

    /// 400.
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::new(400, text)
    }

    /// 403, and always these words.
    pub fn denied() -> Self {
        Self::new(403, "permission denied")
    }

    /// 404, which has no words.
    pub fn not_found() -> Self {
        Self {
            errors: Vec::new(),
            ..Self::new(404, "")
        }
    }

    /// 405; `allow` names the methods that there are, separated by commas.
    pub fn method(allow: &str) -> Self {
        Self {
            allow: Some(allow.to_owned()),
            ..Self::new(405, "unsupported operation")
        }
    }

    /// 408: the head or the body came too slowly.
    pub fn too_slow() -> Self {
        Self::new(408, "the request is too slow")
    }

    /// 413: the body is too large.
    pub fn body_too_large() -> Self {
        Self::new(413, "the request body is too large")
    }

    /// 431: the head is too large.
    pub fn head_too_large() -> Self {
        Self::new(431, "the request head is too large")
    }

    /// 429; the wait is told in whole seconds, rounded up, at least one.
    pub fn too_many(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(429, "too many requests")
        }
    }

    /// 500.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::new(500, text)
    }

    /// 503: the store is locked.
    pub fn sealed() -> Self {
        Self::new(503, Self::SEALED)
    }

    /// 503.
    pub fn unavailable(text: impl Into<String>) -> Self {
        Self::new(503, text)
    }

    /// Whether the connection ends with it: what is left of the request was not read.
    pub fn closes(&self) -> bool {
        matches!(self.status, 408 | 413 | 431)
    }

    /// `Retry-After`, in seconds.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.retry_after?;
        Some(
            wait.as_secs()
                .saturating_add(u64::from(wait.subsec_nanos() > 0))
                .max(1),
        )
    }

    /// What it means.
    pub fn kind(&self) -> RefusalKind {
        match self.status {
            403 => RefusalKind::Denied,
            404 => RefusalKind::NotFound,
            405 => RefusalKind::Method,
            408 | 413 | 431 => RefusalKind::Bounds,
            429 => RefusalKind::Busy,
            503 if self.errors.iter().any(|text| text == Self::SEALED) => RefusalKind::Sealed,
            503 => RefusalKind::Unavailable,
            400..500 => RefusalKind::Invalid,
            _ => RefusalKind::Failed,
        }
    }

    /// The body: `{"errors": […]}`.
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, Wrong> {
        #[derive(Serialize)]
        struct Body<'a> {
            errors: &'a [String],
        }
        to_json(&Body { errors: &self.errors })
    }

    pub(crate) fn read(status: u16, fields: &Fields<'_>) -> Result<Self, Wrong> {
        let errors: Vec<String> = fields.take("errors")?;
        Ok(Self {
            status,
            errors: errors.iter().map(|text| shown(text)).collect(),
            allow: None,
            retry_after: None,
        })
    }
}

/// As much of a service's text as is shown: no control characters, bounded.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(Refusal::MOST_TEXT)
        .collect()
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.split_first() {
            None if self.status == 404 => f.write_str("not found"),
            None => write!(f, "status {}", self.status),
            Some((first, others)) => {
                f.write_str(first)?;
                others.iter().try_for_each(|other| write!(f, "; {other}"))
            }
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Self {
        Self::invalid(wrong.to_string())
    }
}
