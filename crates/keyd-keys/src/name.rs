//! Names of keys.

use core::fmt;

use crate::error::NameError;

const WRAPPING: &str = ".wrapping";

/// A key's name: 1 to 127 characters of `A-Z a-z 0-9 _ - .`, the first and the last one of `A-Z a-z 0-9 _`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 127;

    /// The name, if it fits the pattern (KEY-015).
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let edge = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let bytes = text.as_bytes();
        let fits = bytes.len() <= Self::MAX_LEN
            && bytes.first().is_some_and(edge)
            && bytes.last().is_some_and(edge)
            && bytes.iter().all(|byte| edge(byte) || matches!(byte, b'-' | b'.'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError)
        }
    }

    /// The name of the key that imports are wrapped to. No request can say it: [`parse`](Self::parse) refuses it. It lies in
    /// `STATE/wrapping`, not in a folder of its own.
    pub fn wrapping() -> Self {
        Self(WRAPPING.to_owned())
    }

    /// A name in a record, where that of the wrapping key may stand too.
    pub(crate) fn in_record(text: &str) -> Result<Self, NameError> {
        if text == WRAPPING {
            Ok(Self::wrapping())
        } else {
            Self::parse(text)
        }
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder of the key below `STATE/keys`: each capital letter is `^` and the small letter, so that no file system takes
    /// two names for one.
    pub fn folder(&self) -> String {
        let mut folder = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            if c.is_ascii_uppercase() {
                folder.push('^');
            }
            folder.push(c.to_ascii_lowercase());
        }
        folder
    }

    /// The name whose folder this is; `None` for a folder that no name gives.
    pub fn from_folder(folder: &str) -> Option<Self> {
        let mut name = String::with_capacity(folder.len());
        let mut chars = folder.chars();
        while let Some(c) = chars.next() {
            name.push(if c == '^' {
                chars.next()?.to_ascii_uppercase()
            } else {
                c
            });
        }
        Self::parse(&name).ok().filter(|name| name.folder() == folder)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_pattern_is_that_of_transit() {
        for good in ["a", "_", "0", "a-b", "A.b", "a..b", "9_", &"x".repeat(127)] {
            assert!(KeyName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            ".",
            "..",
            "a.",
            WRAPPING,
            "a b",
            "a/b",
            "a\0b",
            "ä",
            "^a",
            &"x".repeat(128),
        ] {
            assert_eq!(KeyName::parse(bad), Err(NameError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn folders_hold_no_capital_and_lead_back(text in "[A-Za-z0-9_]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9_])?") {
            let name = KeyName::parse(&text).unwrap();
            prop_assert!(!name.folder().bytes().any(|b| b.is_ascii_uppercase()));
            prop_assert_eq!(KeyName::from_folder(&name.folder()), Some(name));
        }

        #[test]
        fn a_folder_belongs_to_at_most_one_name(folder in "[a-z^_.A-Z0-9-]{0,12}") {
            if let Some(name) = KeyName::from_folder(&folder) {
                prop_assert_eq!(name.folder(), folder);
            }
        }
    }
}
