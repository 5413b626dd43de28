//! Sizes, times and permissions as people read them.

use crannog_agent_api::answer::{NodeInfo, NodeKind};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

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
    format!(
        "{}.{} {}",
        tenths / 10,
        tenths % 10,
        UNITS.get(unit).copied().unwrap_or_default()
    )
}

/// Bytes exactly, or as people read them.
pub(crate) fn bytes(bytes: u64, exact: bool) -> String {
    if exact { bytes.to_string() } else { size(bytes) }
}

/// `2026-03-01 14:05` here.
pub(crate) fn time(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time
            .to_zoned(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M")
            .to_string(),
        Err(_) => "-".to_owned(),
    }
}

/// `14:05:09` in a zone.
pub(crate) fn clock(milliseconds: i64, zone: TimeZone) -> String {
    match Timestamp::from_millisecond(milliseconds) {
        Ok(time) => time.to_zoned(zone).strftime("%H:%M:%S").to_string(),
        Err(_) => "-".to_owned(),
    }
}

/// [`time`] of milliseconds.
pub(crate) fn time_ms(milliseconds: i64) -> String {
    time(milliseconds.div_euclid(1000))
}

/// `12 s ago`, `3 min ago`, `5 h ago`, else the time.
pub(crate) fn ago(milliseconds: i64, now: Timestamp) -> String {
    let Ok(then) = Timestamp::from_millisecond(milliseconds) else {
        return "-".to_owned();
    };
    let passed: SignedDuration = now.duration_since(then);
    match passed.as_secs() {
        0..=59 => format!("{} s ago", passed.as_secs()),
        60..=3599 => format!("{} min ago", passed.as_secs() / 60),
        3600..=86_399 => format!("{} h ago", passed.as_secs() / 3600),
        _ => time_ms(milliseconds),
    }
}

/// `drwxr-xr-x`.
pub(crate) fn mode(node: &NodeInfo) -> String {
    let kind = match node.kind {
        NodeKind::Dir => 'd',
        NodeKind::File => '-',
        NodeKind::Link => 'l',
    };
    let bits = "rwxrwxrwx".chars().enumerate();
    let shown = bits.map(|(at, letter)| {
        if node.mode & (0o400 >> at) == 0 {
            '-'
        } else {
            letter
        }
    });
    std::iter::once(kind).chain(shown).collect()
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: u64, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{ago, count, size};

    #[test]
    fn sizes() {
        let shown: Vec<String> = [0, 1023, 1024, 1536, 1024 * 1024 - 1, 1 << 30, u64::MAX]
            .map(size)
            .into();
        assert_eq!(
            shown,
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "1.5 KiB",
                "1023.9 KiB",
                "1.0 GiB",
                "15.9 EiB"
            ]
        );
    }

    #[test]
    fn times_passed() {
        let now = Timestamp::from_second(100_000).unwrap();
        let shown = [99_995, 99_000, 90_000].map(|then| ago(then * 1000, now));
        assert_eq!(shown, ["5 s ago", "16 min ago", "2 h ago"]);
    }

    #[test]
    fn counts() {
        assert_eq!(
            [count(0, "file"), count(1, "file"), count(2, "file")],
            ["0 files", "1 file", "2 files"]
        );
    }
}
