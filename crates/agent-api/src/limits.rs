//! How much of a line and of a machine transfers may take.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The least that can be asked for, bytes per second: below it a server gives up waiting for a whole blob.
pub const LEAST_RATE: u64 = 16 * 1024;
/// The most blobs that may be under way at once.
pub const MOST_AT_ONCE: u32 = 32;

/// Bytes per second each way; `None`: as fast as it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bandwidth {
    /// To the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up: Option<NonZeroU64>,
    /// From the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down: Option<NonZeroU64>,
}

/// What one command, or the agent as a whole, keeps to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// How fast.
    pub bandwidth: Bandwidth,
    /// How many blobs at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfers: Option<u32>,
}

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a rate is bytes per second with K, M or G (8M), or UP:DOWN (1M:8M); off: no limit; the least is 16K"
)]
pub struct NoRate;

impl FromStr for Bandwidth {
    type Err = NoRate;

    /// `8M`, `1M:off`, `500000`.
    fn from_str(text: &str) -> Result<Self, NoRate> {
        let (up, down) = text.split_once(':').unwrap_or((text, text));
        Ok(Self {
            up: rate(up)?,
            down: rate(down)?,
        })
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |rate: Option<NonZeroU64>| rate.map_or("off".to_owned(), |rate| rate.to_string());
        write!(f, "{}:{}", text(self.up), text(self.down))
    }
}

fn rate(text: &str) -> Result<Option<NonZeroU64>, NoRate> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return if unit == "off" { Ok(None) } else { Err(NoRate) };
    }
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err(NoRate),
    };
    let number: u64 = number.parse().map_err(|_| NoRate)?;
    match number.checked_mul(factor).ok_or(NoRate)? {
        0 => Ok(None),
        rate if rate < LEAST_RATE => Err(NoRate),
        rate => Ok(NonZeroU64::new(rate)),
    }
}

#[cfg(test)]
mod tests {
    use super::Bandwidth;

    #[test]
    fn rates() {
        let read = |text: &str| {
            let read: Option<Bandwidth> = text.parse().ok();
            read.map(|read| (read.up.map_or(0, u64::from), read.down.map_or(0, u64::from)))
        };
        for (text, rates) in [
            ("8M", (8 << 20, 8 << 20)),
            ("500000", (500_000, 500_000)),
            ("1m:8MiB", (1 << 20, 8 << 20)),
            ("off:16k", (0, 16 << 10)),
            ("0", (0, 0)),
            ("off", (0, 0)),
        ] {
            assert_eq!(read(text), Some(rates), "{text}");
        }
        for text in [
            "",
            ":",
            "8X",
            "-1",
            "1.5M",
            "15K",
            "1M:2M:3M",
            "99999999999G",
            "M",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let both: Bandwidth = "1M:off".parse().unwrap();
        assert_eq!(both.to_string().parse(), Ok(both));
    }
}
