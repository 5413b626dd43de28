//! Rows whose columns stand below each other.

/// Lines of a table, two spaces between the columns, nothing after the last.
pub(crate) fn lines<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|at| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    });
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// `key: value` lines with the values below each other.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let rows: Vec<[String; 2]> = pairs
        .iter()
        .map(|(key, value)| [format!("{key}:"), value.clone()])
        .collect();
    lines(&rows)
}

#[cfg(test)]
mod tests {
    use super::{lines, pairs};

    #[test]
    fn columns() {
        let rows = [["1", "é", "x"], ["200", "ab", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(lines(&rows), "1    é   x\n200  ab\n");
        assert_eq!(
            pairs(&[("a", "1".into()), ("long", "2".into())]),
            "a:     1\nlong:  2\n"
        );
    }
}
