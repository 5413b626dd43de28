//! Names of keys.

use std::fmt;

/// A key's name: 1 to 127 characters of `A-Z a-z 0-9 _ - .`, the first and the last one of `A-Z a-z 0-9 _` (KEY-015).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// A name does not fit the pattern (KEY-015).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("KEY-015: not a name of a key")]
pub struct NameError;

impl Name {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 127;

    /// The name, if it fits the pattern.
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

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
