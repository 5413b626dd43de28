//! Sizes and times as people write them.

/// `500MB`, `10GiB`, `4096`.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
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
        .filter(|size| i64::try_from(*size).is_ok())
        .ok_or_else(|| "the size is too large".to_owned())
}

/// `30m`, `12h`, `7d`, in seconds.
pub(super) fn parse_duration(text: &str) -> Result<u64, String> {
    let hint = "a time is a number with m, h or d".to_owned();
    let text = text.trim();
    let (number, factor) = match text.char_indices().last() {
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3_600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => return Err(hint),
    };
    let number: u64 = number.parse().map_err(|_| hint)?;
    number
        .checked_mul(factor)
        .filter(|time| *time <= 36_500 * 86_400)
        .ok_or_else(|| "the time is too long".to_owned())
}

/// `1 blob`, `2 blobs`.
pub(super) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// For people.
pub(super) fn size(bytes: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in units {
        if bytes >= 1 << shift {
            let tenths = (u128::from(bytes) * 10) >> shift;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::{parse_duration, parse_size, size};

    #[test]
    fn units() {
        assert_eq!(parse_size("10GiB"), Ok(10 << 30));
        assert_eq!(parse_size(" 5 MB "), Ok(5_000_000));
        assert!(
            parse_size("GiB").is_err() && parse_size("1x").is_err() && parse_size("99999999TiB").is_err()
        );
        assert_eq!(parse_duration("7d"), Ok(604_800));
        assert!(parse_duration("7").is_err() && parse_duration("").is_err());
        assert_eq!((size(1536), size(12)), ("1.5 KiB".to_owned(), "12 B".to_owned()));
    }
}
