//! Patterns of key names.

use std::fmt;

/// A pattern of key names: `*` stands for any characters, also none, `?` for exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl Pattern {
    /// At least one character, of those of names, `*` and `?`. One that is longer than any name can be needs no refusal.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.*?".contains(&byte);
        (!text.is_empty() && text.bytes().all(fits)).then(|| Self(text.to_owned()))
    }

    /// In time proportional to the product of the lengths at worst, and without recursion: after a mismatch only the last `*` takes
    /// one character more, for what came before it matched as early as it could.
    pub(super) fn matches(&self, name: &str) -> bool {
        let (mut pattern, mut rest) = (self.0.as_bytes(), name.as_bytes());
        let mut last_star: Option<(&[u8], &[u8])> = None;
        loop {
            match (pattern.split_first(), rest.split_first()) {
                (Some((b'*', after)), _) => {
                    last_star = Some((after, rest));
                    pattern = after;
                }
                (Some((wanted, after)), Some((found, left))) if *wanted == b'?' || wanted == found => {
                    (pattern, rest) = (after, left);
                }
                (None, None) => return true,
                _ => match last_star {
                    Some((after, [_, left @ ..])) => {
                        last_star = Some((after, left));
                        (pattern, rest) = (after, left);
                    }
                    _ => return false,
                },
            }
        }
    }

    /// Whether every name fits.
    pub(super) fn is_everything(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, read aloud.
    fn defined(pattern: &[u8], name: &[u8]) -> bool {
        match pattern {
            [] => name.is_empty(),
            [b'*', rest @ ..] => (0..=name.len()).any(|taken| defined(rest, &name[taken..])),
            [b'?', rest @ ..] => !name.is_empty() && defined(rest, &name[1..]),
            [wanted, rest @ ..] => name.first() == Some(wanted) && defined(rest, &name[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_pattern_matches_what_its_definition_says(pattern in "[ab*?]{1,8}", name in "[ab]{0,8}") {
            let parsed = Pattern::parse(&pattern).unwrap();
            prop_assert_eq!(parsed.matches(&name), defined(pattern.as_bytes(), name.as_bytes()));
            prop_assert_eq!(parsed.is_everything(), pattern.bytes().all(|byte| byte == b'*'));
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern = Pattern::parse(&"*a".repeat(500_000)).unwrap();
        assert!(!pattern.matches(&format!("{}b", "a".repeat(126))));
    }

    #[test]
    fn only_characters_of_names_stand_in_patterns() {
        for bad in ["", "a b", "a/b", "ä", "[ab]", "a\\*", "{a,b}", "!a"] {
            assert_eq!(Pattern::parse(bad), None, "{bad}");
        }
    }
}
