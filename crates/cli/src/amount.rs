//! Sizes and times as people write them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// `500`, `10kB`, `4MiB`: bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        "t" | "tb" => 1_000_000_000_000,
        "tib" => 1 << 40,
        _ => return Err("a size is a number with B, kB, KiB, MB, MiB, GB, GiB, TB or TiB".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "a size begins with a number".to_owned())?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "the size is too large".to_owned())
}

/// `2024-05-31` (its first moment here), or `30m`, `12h`, `7d` ago: milliseconds since 1970.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    at(text, Timestamp::now(), TimeZone::system())
}

fn at(text: &str, now: Timestamp, zone: TimeZone) -> Result<i64, String> {
    let wrong = || "a time is a day (2024-05-31), or a number with m, h or d: so long ago".to_owned();
    if let Ok(date) = text.parse::<Date>() {
        let first = date.to_zoned(zone).map_err(|error| error.to_string())?;
        return Ok(first.timestamp().as_millisecond());
    }
    let unit = text.chars().last().ok_or_else(wrong)?;
    let factor: i64 = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number = text.strip_suffix(unit).unwrap_or_default();
    if !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(wrong());
    }
    let ago = number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(factor));
    let then = now.checked_sub(SignedDuration::from_secs(ago.ok_or_else(wrong)?));
    Ok(then
        .map_err(|_| "that is too long ago".to_owned())?
        .as_millisecond())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::{at, size};

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("500", 500),
            ("10kB", 10_000),
            ("4MiB", 4 << 20),
            ("1 tib", 1 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "-1", "1.5GB", "10 parsec", "99999999999TiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments() {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        let at = |text: &str| at(text, now, TimeZone::UTC);
        assert_eq!(at("1970-01-02"), Ok(86_400_000));
        assert_eq!(at("30m"), Ok(999_998_200_000));
        assert_eq!(at("2d"), Ok(999_827_200_000));
        for text in [
            "",
            "d",
            "-1d",
            "7",
            "7w",
            "2024-13-01",
            "99999999999999d",
            "9223372036854775807d",
            "\u{e9}",
        ] {
            assert!(at(text).is_err(), "{text}");
        }
    }
}
