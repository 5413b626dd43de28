//! Booleans, integers, texts.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Word;
use crate::json::Value;
use crate::wrong::Wrong;

/// A number in decimal digits and nothing else.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn number(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => decimal(text.as_str()),
        _ => None,
    }
}

impl Word for bool {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        let truth = match value {
            Value::Bool(truth) => Some(*truth),
            Value::Text(text) => match text.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        };
        truth.ok_or(Wrong::Type {
            field,
            expected: "a boolean",
        })
    }
}

impl Word for u64 {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        number(value).ok_or_else(|| not_an_integer(field))
    }
}

impl Word for u32 {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        number(value)
            .and_then(|number| number.try_into().ok())
            .ok_or_else(|| not_an_integer(field))
    }
}

impl Word for u16 {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        number(value)
            .and_then(|number| number.try_into().ok())
            .ok_or_else(|| not_an_integer(field))
    }
}

fn not_an_integer(field: &'static str) -> Wrong {
    match field {
        "key_version" => Wrong::Said("invalid key version"),
        "bits" => Wrong::Said("invalid bit length"),
        _ => Wrong::Type {
            field,
            expected: "an integer in range",
        },
    }
}

impl Word for String {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        match value {
            Value::Text(text) => Ok(text.as_str().to_owned()),
            _ => Err(Wrong::Type {
                field,
                expected: "text",
            }),
        }
    }
}

/// A ciphertext as the service gives it: `vault:v` version `:` base64, or a Fernet token. Nothing about it is checked here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ciphertext(String);

impl Ciphertext {
    /// The text, to be stored as it is.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Ciphertext {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Ciphertext {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Ciphertext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Word for Ciphertext {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        String::from_value(field, value).map(Self)
    }
}

/// A field that is always `null`; clients look for its presence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nil;

impl Serialize for Nil {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl Word for Nil {
    fn from_value(field: &'static str, _: &Value<'_>) -> Result<Self, Wrong> {
        Err(Wrong::Type {
            field,
            expected: "null",
        })
    }

    fn absent(_: &'static str) -> Result<Self, Wrong> {
        Ok(Self)
    }
}
