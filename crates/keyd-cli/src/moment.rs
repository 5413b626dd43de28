//! Times as people write them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const WRONG: &str =
    "a time is a day (2026-05-31), RFC 3339 (2026-05-31T12:00:00Z), or a number with m, h or d: so long ago";

/// `2026-05-31` (its first moment here), RFC 3339, or `30m`, `12h`, `7d` ago.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    at(text, Timestamp::now(), TimeZone::system())
}

fn at(text: &str, now: Timestamp, zone: TimeZone) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(date) = text.parse::<Date>() {
        let first = date.to_zoned(zone).map_err(|error| error.to_string())?;
        return Ok(first.timestamp());
    }
    let factor: i64 = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(WRONG.to_owned()),
    };
    let number = text.trim_end_matches(['m', 'h', 'd']);
    if !number.bytes().all(|digit| digit.is_ascii_digit()) || number.len() + 1 != text.len() {
        return Err(WRONG.to_owned());
    }
    let number: Option<i64> = number.parse().ok();
    let ago = number
        .and_then(|number| number.checked_mul(factor))
        .ok_or(WRONG)?;
    now.checked_sub(SignedDuration::from_secs(ago))
        .map_err(|_| "that is too long ago".to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::at;

    #[test]
    fn moments() {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        let at = |text: &str| at(text, now, TimeZone::UTC).map(Timestamp::as_second);
        assert_eq!(at("1970-01-02"), Ok(86_400));
        assert_eq!(at("1970-01-01T00:00:05Z"), Ok(5));
        assert_eq!(at("30m"), Ok(999_998_200));
        assert_eq!(at("2d"), Ok(999_827_200));
        for text in [
            "",
            "d",
            "-1d",
            "7",
            "7w",
            "7hd",
            "2026-13-01",
            "9223372036854775807d",
            "\u{e9}",
        ] {
            assert!(at(text).is_err(), "{text}");
        }
    }
}
