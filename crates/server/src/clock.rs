//! The one module that looks at the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const HOUR_MS: i64 = 3_600_000;

/// Whole hours since 1970: the only times that reach the disk (DESIGN section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Hour(pub(crate) i64);

impl Hour {
    /// The hour under way.
    pub(crate) fn now() -> Self {
        Self(now_ms().div_euclid(HOUR_MS))
    }

    /// The first full hour at least `seconds` from now.
    pub(crate) fn after(seconds: u64) -> Self {
        let later = now_ms().saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000));
        Self(later.saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS))
    }

    /// As people read it, UTC.
    pub(crate) fn text(self) -> String {
        jiff::Timestamp::from_second(self.0.saturating_mul(3600)).map_or_else(
            |_| "never".to_owned(),
            |time| time.strftime("%Y-%m-%d %H:00Z").to_string(),
        )
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Seconds since 1970 in a form that sorts by time: `20261121T183347Z`.
pub(crate) fn stamp(seconds: i64) -> String {
    format(seconds, "%Y%m%dT%H%M%SZ")
}

/// Seconds since 1970 as people read them, UTC.
pub(crate) fn text(seconds: i64) -> String {
    format(seconds, "%Y-%m-%d %H:%M:%SZ")
}

fn format(seconds: i64, pattern: &str) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "never".to_owned(), |time| time.strftime(pattern).to_string())
}
