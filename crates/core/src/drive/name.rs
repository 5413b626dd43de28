//! Which names there are, and which one a node gets where its own is taken.

use std::borrow::Cow;

use super::{EntryMeta, NodeId};

/// The longest name, bytes of UTF-8.
pub const NAME_MAX: usize = 1_024;
/// The name of `/Recovered` in the top folder; always taken there.
pub const RECOVERED_NAME: &str = "Recovered";
/// The name of a node that has no sensible one.
pub(super) const NAMELESS: &str = "recovered";

/// Bytes of the longest name that disks take: no conflict makes a name longer.
const ON_DISK_MAX: usize = 255;
/// So many attempts are told apart by their number alone.
const NUMBERED: u64 = 9;
const DEVICE_MAX: usize = 64;
const EXTENSION_MAX: usize = 64;
/// 9999-12-31T23:59:59.999Z: later clocks count as this one.
const TIME_MAX: i64 = 253_402_300_799_999;

/// Why a name is none (CHK-023).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No byte, or more than 1,024.
    #[error("a name has 1 to 1,024 bytes")]
    Length,
    /// It is `.` or `..`.
    #[error("`.` and `..` are not names")]
    Dots,
    /// It contains `/` or NUL.
    #[error("a name has neither `/` nor NUL")]
    Separator,
}

/// Whether this may be the name of a node (CHK-023). The fold ignores operations with any other name.
pub fn check_name(name: &str) -> Result<(), NameError> {
    // CHK-023
    if name.is_empty() || name.len() > NAME_MAX {
        Err(NameError::Length)
    } else if name == "." || name == ".." {
        Err(NameError::Dots)
    } else if name.contains(['/', '\0']) {
        Err(NameError::Separator)
    } else {
        Ok(())
    }
}

/// `stem (conflict, DEVICE, YYYY-MM-DD).ext`, with ` 2` to ` 9` before the bracket from the second attempt. The tenth has ` SEQ-INDEX-NODE`
/// there, which belongs to one operation's placing of one node: whoever has that name ready for it has it for nothing else. After that
/// come ` SEQ-INDEX-NODE 2` and so on.
pub(super) fn conflict_name(name: &str, entry: &EntryMeta<'_>, node: NodeId, attempt: u64) -> String {
    let (stem, extension) = split(name);
    let number = match attempt.checked_sub(NUMBERED) {
        None | Some(0) if attempt < 2 => String::new(),
        None | Some(0) => format!(" {attempt}"),
        Some(1) => format!(" {}-{}-{node}", entry.seq, entry.index),
        Some(nth) => format!(" {}-{}-{node} {nth}", entry.seq, entry.index),
    };
    let (device, date) = (device(entry.device_name), date(entry.time));
    let mark = format!(" (conflict, {device}, {date}{number})");
    let most = name.len().clamp(ON_DISK_MAX, NAME_MAX);
    let room = most.saturating_sub(mark.len() + extension.len());
    format!("{}{mark}{extension}", cut(stem, room))
}

/// The stem ends at the last `.` that is not the first character; a long extension is none.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= EXTENSION_MAX => name.split_at(at),
        _ => (name, ""),
    }
}

fn device(name: &str) -> Cow<'_, str> {
    match cut(name, DEVICE_MAX) {
        "" => Cow::Borrowed("unknown"),
        name if name.contains(['/', '\0']) => Cow::Owned(name.replace(['/', '\0'], "_")),
        name => Cow::Borrowed(name),
    }
}

/// The longest beginning of whole characters that has at most so many bytes.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    text.split_at(end).0
}

/// The UTC date; clocks before 1970 and after 9999 count as the nearest day.
fn date(time: i64) -> String {
    // Days to civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", for days since 1970 only.
    let days = time.clamp(0, TIME_MAX) / 86_400_000 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "...", " ", "Ünïcödé", ".hidden", "a\\b", "con\n"] {
            assert_eq!(check_name(good), Ok(()), "{good:?}");
        }
        assert_eq!(check_name(&"n".repeat(1_024)), Ok(()));
    }

    /// CHK-023
    #[test]
    fn chk_023_names_that_reach_outside_are_refused() {
        for (bad, why) in [
            ("", NameError::Length),
            (".", NameError::Dots),
            ("..", NameError::Dots),
            ("../x", NameError::Separator),
            ("/etc", NameError::Separator),
            ("a\0b", NameError::Separator),
        ] {
            assert_eq!(check_name(bad), Err(why), "{bad:?}");
        }
        assert_eq!(check_name(&"n".repeat(1_025)), Err(NameError::Length));
        assert_eq!(check_name(&"n".repeat(65_536)), Err(NameError::Length));
    }

    fn named(name: &str, device_name: &str, time: i64, attempt: u64) -> String {
        let entry = EntryMeta {
            seq: u64::MAX,
            index: 8_191,
            seen_seq: 0,
            time,
            account: crannog_proto::AccountId([1; 32]),
            device: crannog_proto::DeviceId([2; 16]),
            device_name,
        };
        conflict_name(name, &entry, NodeId([0xab; 16]), attempt)
    }

    #[test]
    fn conflict_names() {
        let of = |name| named(name, "lap/top", 1_763_683_200_000, 1);
        assert_eq!(of("a.txt"), "a (conflict, lap_top, 2025-11-21).txt");
        assert_eq!(of("a.tar.gz"), "a.tar (conflict, lap_top, 2025-11-21).gz");
        assert_eq!(of(".bashrc"), ".bashrc (conflict, lap_top, 2025-11-21)");
        assert_eq!(of("a"), "a (conflict, lap_top, 2025-11-21)");
        assert_eq!(named("a.b", "", 0, 3), "a (conflict, unknown, 1970-01-01 3).b");
        assert_eq!(named("a.b", "", 0, 9), "a (conflict, unknown, 1970-01-01 9).b");
        let own = "18446744073709551615-8191-abababababababababababababababab";
        assert_eq!(
            named("a.b", "", 0, 10),
            format!("a (conflict, unknown, 1970-01-01 {own}).b")
        );
        assert_eq!(
            named("a.b", "", 0, 11),
            format!("a (conflict, unknown, 1970-01-01 {own} 2).b")
        );
    }

    /// CHK-023, CHK-024
    #[test]
    fn chk_024_no_conflict_makes_a_name_too_long() {
        let device = "ß".repeat(100);
        for attempt in [1, 2, 9, 10, u64::MAX] {
            // What a disk takes stays so; what it does not take grows no more.
            for (bytes, most) in [(6, 255), (254, 255), (258, 258), (1_024, 1_024)] {
                let long = format!("{}.txt", "ü".repeat((bytes - 4) / 2));
                let name = named(&long, &device, 0, attempt);
                assert_eq!(check_name(&name), Ok(()));
                assert!(
                    name.len() <= most && name.ends_with(").txt"),
                    "{attempt}: {}",
                    name.len()
                );
                assert!(bytes < 200 || name.len() > most - 2, "{attempt}: {}", name.len());
            }
            let longest_extension = format!("{}.{}", "s".repeat(190), "e".repeat(63));
            let name = named(&longest_extension, &device, 0, attempt);
            assert!(name.len() == 255 && name.starts_with('s'), "{attempt}: {name}");
            assert_eq!(check_name(&named(&"x.".repeat(512), "d", 0, attempt)), Ok(()));
            let dotted = format!("a.{}", "e".repeat(1_000));
            assert_eq!(check_name(&named(&dotted, "d", 0, attempt)), Ok(()));
        }
    }

    #[test]
    fn dates() {
        for (time, text) in [
            (i64::MIN, "1970-01-01"),
            (0, "1970-01-01"),
            (951_782_400_000, "2000-02-29"),
            (951_868_800_000, "2000-03-01"),
            (4_107_542_400_000, "2100-03-01"),
            (1_735_689_599_999, "2024-12-31"),
            (TIME_MAX, "9999-12-31"),
            (i64::MAX, "9999-12-31"),
        ] {
            assert_eq!(date(time), text, "{time}");
        }
    }
}
