//! What may be absent, lists, and maps.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::Word;
use crate::json::Value;
use crate::wrong::Wrong;

impl<T: Word> Word for Option<T> {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        T::from_value(field, value).map(Some)
    }

    fn absent(_: &'static str) -> Result<Self, Wrong> {
        Ok(None)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// What is `null` where there is nothing: clients look for the field's presence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nullable<T>(pub Option<T>);

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: Word> Word for Nullable<T> {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        T::from_value(field, value).map(|value| Self(Some(value)))
    }

    fn absent(_: &'static str) -> Result<Self, Wrong> {
        Ok(Self(None))
    }
}

impl<T: Word> Word for Vec<T> {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        match value {
            Value::Array(items) => items.iter().map(|item| T::from_value(field, item)).collect(),
            _ => Err(Wrong::Type {
                field,
                expected: "an array",
            }),
        }
    }
}

impl<T: Word> Word for BTreeMap<String, T> {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| Ok((name.to_owned(), T::from_value(field, value)?)))
                .collect(),
            _ => Err(Wrong::Type {
                field,
                expected: "an object",
            }),
        }
    }
}
