//! Texts that others gave, for a terminal or a pipe: no control characters, no escapes, nothing that turns the direction of writing
//! (CHK-023). JSON has escapes of its own for all of that, so a program reads the same texts as ever.

use std::fmt::Write as _;
use std::io;

use serde_json::ser::Formatter;

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

/// A JSON document on one line, with `\u` escapes for what could do something else than be read: `serde_json` writes out C0 alone.
pub(crate) fn json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for c in document.chars() {
        // Outside of strings there is none of these; all of them have four digits.
        if acts(c) {
            // A String takes everything.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Writes JSON as [`json`] shows it, without a copy of the document: what is written may be a secret.
pub(crate) struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.contains(acts) {
            writer.write_all(json(fragment).as_bytes())
        } else {
            writer.write_all(fragment.as_bytes())
        }
    }
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
    use serde::Serialize as _;

    use super::{Plain, acts, line};

    #[test]
    fn nothing_that_acts_is_left_and_documents_are_the_same() {
        let everything: String = ('\0'..=char::MAX).collect();
        assert!(!line(&everything).chars().any(acts));
        let mut document = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut document, Plain);
        everything.serialize(&mut serializer).unwrap();
        let document = String::from_utf8(document).unwrap();
        assert!(!document.chars().any(acts));
        assert_eq!(serde_json::from_str::<String>(&document).unwrap(), everything);
    }

    #[test]
    fn what_is_read_stays() {
        assert_eq!(line("a\x1b[31mb\n\u{202e}"), "a\\u{1b}[31mb\\n\\u{202e}");
        for text in ["plain.txt", "Straße", "日本語", "עברית"] {
            assert_eq!(line(text), text);
        }
    }
}
