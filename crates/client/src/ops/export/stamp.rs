//! Times as names of files.

/// `2024-05-31T120301Z` of milliseconds since 1970; nothing in it that a file system could mind.
pub(super) fn stamp(milliseconds: i64) -> String {
    let seconds = milliseconds.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}{:02}{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month and day of a count of days since 1970, by the calendar that repeats every 400 years; a year begins in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (year + era * 400 + later, month, day)
}

#[cfg(test)]
mod tests {
    use super::stamp;

    #[test]
    fn known_days() {
        for (milliseconds, text) in [
            (0, "1970-01-01T000000Z"),
            (-1, "1969-12-31T235959Z"),
            (951_782_400_000, "2000-02-29T000000Z"),
            (1_717_156_981_999, "2024-05-31T120301Z"),
            (4_107_542_400_000, "2100-03-01T000000Z"),
        ] {
            assert_eq!(stamp(milliseconds), text);
        }
        assert!(!stamp(i64::MIN).is_empty() && !stamp(i64::MAX).contains('/'));
    }
}
