//! A moment as records write it: `2026-11-21T18:33:47.123456Z` (RFC 3339, UTC, always six decimals).

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since 1970-01-01T00:00:00Z, at most those of the end of the year 9999. Leap seconds are not counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(u64);

const MICROS: u64 = 1_000_000;
const DAY: u64 = 86_400;
/// The last microsecond of the year 9999.
const LAST: u64 = 253_402_300_800 * MICROS - 1;

impl Time {
    /// A moment by its microseconds since 1970; later ones than the year 9999 become its end.
    pub fn from_micros(micros: u64) -> Self {
        Self(micros.min(LAST))
    }

    /// The system's clock. A clock before 1970 is 1970.
    pub fn now() -> Self {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        Self::from_micros(since.as_micros().try_into().unwrap_or(LAST))
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> u64 {
        self.0
    }

    /// Reads exactly what is written: every digit in its place, every date one of the calendar.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |at: usize, len: usize| -> Option<u64> {
            let digits = text.get(at..at + len)?;
            digits
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| digits.parse().ok())?
        };
        let days = days_since_1970(number(0, 4)?, number(5, 2)?, number(8, 2)?);
        let seconds = number(11, 2)? * 3600 + number(14, 2)? * 60 + number(17, 2)?;
        let time = Self((days.checked_mul(DAY)? + seconds) * MICROS + number(20, 6)?);
        (time.0 <= LAST && time.to_string() == text).then_some(time)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0 / MICROS, self.0 % MICROS);
        let (year, month, day) = civil(seconds / DAY);
        let (hour, minute, second) = (seconds % DAY / 3600, seconds % 3600 / 60, seconds % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        )
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a time in UTC with six decimals"))
    }
}

/// Days from 0000-03-01 to 1970-01-01. Years are counted from March, so that the leap day is a year's last.
const EPOCH: u64 = 719_468;
/// Days of four hundred years.
const ERA: u64 = 146_097;

/// Year, month and day of the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + EPOCH;
    let (era, of_era) = (shifted / ERA, shifted % ERA);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + next, month, day)
}

/// The inverse; of what is no date it is some number.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = year.saturating_sub(u64::from(month <= 2));
    let (era, of_era) = (year / 400, year % 400);
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day;
    let days = era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    days.saturating_sub(EPOCH + 1)
}
