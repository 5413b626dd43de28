//! Bytes and texts that nobody else should see.

use std::fmt;

use data_encoding::BASE64;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::Word;
use crate::json::Value;
use crate::wrong::Wrong;

/// Bytes that stand in JSON as base64 (RFC 4648, section 4, padded, canonical). Wiped on drop, silent in Debug.
#[derive(Default)]
pub struct Octets(Zeroizing<Vec<u8>>);

impl Octets {
    /// A copy of `bytes`.
    pub fn copied(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be kept.
    pub fn into_inner(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    /// From base64; none if it is not, or not in its canonical form.
    pub fn from_base64(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        let mut bytes = Zeroizing::new(vec![0; BASE64.decode_len(text.len()).ok()?]);
        let len = BASE64.decode_mut(text, &mut bytes).ok()?;
        bytes.truncate(len);
        Some(Self(bytes))
    }
}

impl From<Zeroizing<Vec<u8>>> for Octets {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Octets")
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64.encode(&self.0)))
    }
}

impl Word for Octets {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        match value {
            Value::Text(text) => Self::from_base64(text.as_str()),
            _ => None,
        }
        .ok_or(Wrong::Said(match field {
            "context" | "target_context" => "failed to base64-decode context",
            "input" => "unable to decode input as base64",
            _ => "illegal base64 data",
        }))
    }
}

/// A text that is a secret: an exported key, a token, a passphrase. Wiped on drop, silent in Debug.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes the text over.
    pub fn new(text: impl Into<Zeroizing<String>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text, to be kept.
    pub fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Word for SecretText {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        match value {
            Value::Text(text) => Ok(Self(Zeroizing::new(text.as_str().to_owned()))),
            _ => Err(Wrong::Type {
                field,
                expected: "text",
            }),
        }
    }
}
