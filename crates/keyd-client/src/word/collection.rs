//! What may be absent, lists, and maps.

use std::collections::BTreeMap;

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
