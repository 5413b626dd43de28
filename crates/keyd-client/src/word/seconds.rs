//! Durations.

use serde::{Serialize, Serializer};

use super::{Word, decimal};
use crate::json::Value;
use crate::wrong::Wrong;

/// A duration in whole seconds: read from an integer, from decimal digits, or from `30d`, `1h30m`, `90s`; written as an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Seconds(pub u64);

impl Seconds {
    /// The duration, if the text is one and fits.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(seconds) = decimal(text) {
            return Some(Self(seconds));
        }
        let mut total = 0_u64;
        let mut rest = text;
        loop {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let (number, after) = rest.split_at_checked(digits)?;
            let (unit, after) = after.split_at_checked(1)?;
            let factor = match unit {
                "d" => 86_400,
                "h" => 3_600,
                "m" => 60,
                "s" => 1,
                _ => return None,
            };
            total = total.checked_add(decimal(number)?.checked_mul(factor)?)?;
            if after.is_empty() {
                return Some(Self(total));
            }
            rest = after;
        }
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl Word for Seconds {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        match value {
            Value::Number(seconds) => Some(Self(*seconds)),
            Value::Text(text) => Self::parse(text.as_str()),
            _ => None,
        }
        .ok_or(Wrong::Type {
            field,
            expected: "a duration",
        })
    }
}
