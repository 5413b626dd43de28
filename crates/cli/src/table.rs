//! Rows whose columns stand below each other.

/// Which way a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Lines of a table, two spaces between the columns, nothing after the last.
pub(crate) fn lines(rows: &[Vec<String>], align: &[Align]) -> String {
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..align.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(align)
            .zip(&widths)
            .map(|((cell, align), width)| match align {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `key: value` lines with the values below each other.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let rows: Vec<Vec<String>> = pairs
        .iter()
        .map(|(key, value)| vec![format!("{key}:"), value.clone()])
        .collect();
    lines(&rows, &[Align::Left, Align::Left])
}

#[cfg(test)]
mod tests {
    use super::{Align, lines, pairs};

    #[test]
    fn columns() {
        let rows = [
            vec!["1".into(), "é".into(), "x".into()],
            vec!["200".into(), "ab".into(), String::new()],
        ];
        assert_eq!(
            lines(&rows, &[Align::Right, Align::Left, Align::Left]),
            "  1  é   x\n200  ab\n"
        );
        assert_eq!(
            pairs(&[("a", "1".into()), ("long", "2".into())]),
            "a:     1\nlong:  2\n"
        );
    }
}
