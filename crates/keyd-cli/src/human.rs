//! Sizes, times and periods as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `17 B`, `4.0 KiB`, `1.5 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // In tenths, by whole numbers: the unit is right also at its edge.
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// `2026-03-01 14:05:09` here, of seconds since 1970.
pub(crate) fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "-".to_owned(), moment)
}

/// The same of a timestamp.
pub(crate) fn moment(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// `never`, `30d`, `1h30m`: as the options take it.
pub(crate) fn period(seconds: u64) -> String {
    if seconds == 0 {
        return "never".to_owned();
    }
    let mut text = String::new();
    let mut rest = seconds;
    for (length, unit) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{period, size};

    #[test]
    fn sizes_and_periods() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1 << 30, "1.0 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        for (seconds, text) in [(0, "never"), (86_400 * 30, "30d"), (5_400, "1h30m"), (61, "1m1s")] {
            assert_eq!(period(seconds), text);
        }
    }
}
