//! Names that others gave, for a terminal or a pipe: no control characters, no escapes, nothing that turns the direction of
//! writing. JSON has escapes of its own for all of that, so a program reads the same names as ever (CHK-023).

use std::fmt::Write;

/// Writes what could do something else than be read as `\n`, `\t` or `\u{..}`.
pub(crate) fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            c if acts(c) => {
                // A String takes everything.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// A JSON document with `\u` escapes for what could do something else than be read: `serde_json` writes out C0 alone.
pub(crate) fn json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for c in document.chars() {
        // Outside of strings there is none of these; all of them have four digits.
        if acts(c) && c != '\n' {
            // A String takes everything.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// C0, DEL, C1; line and paragraph separators; marks, embeddings, overrides and isolates of direction; what is invisible.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::{json, line};

    #[test]
    fn what_acts_is_written_out() {
        assert_eq!(line("a\x1b[31mb"), "a\\u{1b}[31mb");
        assert_eq!(line("two\nlines\r\t"), "two\\nlines\\r\\t");
        assert_eq!(line("\u{9b}2J\x7f"), "\\u{9b}2J\\u{7f}");
        assert_eq!(line("photo\u{202e}gpj.exe"), "photo\\u{202e}gpj.exe");
        assert_eq!(
            line("\u{2066}x\u{2069}\u{200f}\u{feff}"),
            "\\u{2066}x\\u{2069}\\u{200f}\\u{feff}"
        );
    }

    #[test]
    fn documents_are_the_same_documents() {
        let everything: String = ('\0'..=char::MAX).collect();
        let document = format!("{}\n", serde_json::to_string(&everything).unwrap());
        let shown = json(&document);
        assert!(!shown.chars().any(|c| super::acts(c) && c != '\n'));
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), everything);
        assert_eq!(
            json("{\"a\":\"\u{9b}2J\u{202e}\"}\n"),
            "{\"a\":\"\\u009b2J\\u202e\"}\n"
        );
    }

    #[test]
    fn what_is_read_stays() {
        for text in ["plain.txt", "Straße – naïve", "日本語", "עברית", "👩‍👩‍👧", "a b\\c"]
        {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn nothing_that_acts_is_left() {
        let everything: String = ('\0'..=char::MAX).collect();
        assert!(!line(&everything).chars().any(super::acts));
    }
}
