//! Reading what a program printed as JSON.

use serde_json::Value;

use crate::Outcome;

/// Parses all of `text`.
pub fn parse(text: &str) -> Outcome<Value> {
    serde_json::from_str(text).map_err(|error| format!("not JSON ({error}): {}", text.trim()).into())
}

/// A member that must be a text.
pub fn text(value: &Value, key: &str) -> Outcome<String> {
    match value.get(key).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("no text {key:?} in {value}").into()),
    }
}
