//! Sizes and durations as people write them.

use std::time::Duration;

use crannog_keyd_client::Seconds;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A number of bytes: `4096`, `"16KiB"`, `"4MiB"`, `"4GiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteCount(pub u64);

/// A duration in whole seconds: `90`, `"10s"`, `"1h30m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl ByteCount {
    /// As a length in memory.
    pub fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let factor: u64 = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor).map(Self)
    }
}

impl<'de> Deserialize<'de> for ByteCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(deserializer)? {
            NumberOrText::Number(bytes) => Ok(Self(bytes)),
            NumberOrText::Text(text) => Self::parse(&text)
                .ok_or_else(|| D::Error::custom("a size is a number, or one with KiB, MiB or GiB")),
        }
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = match NumberOrText::deserialize(deserializer)? {
            NumberOrText::Number(seconds) => Some(Seconds(seconds)),
            NumberOrText::Text(text) => Seconds::parse(&text),
        };
        let seconds = seconds.ok_or_else(|| D::Error::custom("a duration is 90, \"10s\" or \"1h30m\""))?;
        Ok(Self(Duration::from_secs(seconds.0)))
    }
}
