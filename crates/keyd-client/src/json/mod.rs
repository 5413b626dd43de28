//! JSON as the interface reads it: bounded, no field twice, strings wiped where they were copied.

mod read;
mod text;
mod wiped;

use crate::word::Word;
use crate::wrong::Wrong;

pub(crate) use read::read;
pub(crate) use text::Text;
pub(crate) use wiped::{JsonObject, Wiped, to_json, to_json_object};

/// Objects and arrays may stand in each other this deep, the outermost one included.
pub const MAX_NESTING: usize = 16;

/// A value that borrows what it can from the body.
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(u64),
    /// Negative or broken: no field has one.
    OtherNumber,
    Text(Text<'a>),
    Array(Vec<Value<'a>>),
    Object(Fields<'a>),
}

/// The fields of one object, by name; no name twice.
#[derive(Default)]
pub(crate) struct Fields<'a>(Vec<(Text<'a>, Value<'a>)>);

impl<'a> Fields<'a> {
    pub(crate) fn new(mut fields: Vec<(Text<'a>, Value<'a>)>) -> Result<Self, Wrong> {
        fields.sort_unstable_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        let twice = |pair: &[(Text<'_>, Value<'_>)]| matches!(pair, [(one, _), (other, _)] if one.as_str() == other.as_str());
        if fields.windows(2).any(twice) {
            return Err(Wrong::Twice);
        }
        Ok(Self(fields))
    }

    /// What was said; `null` is nothing, and of some fields the empty text.
    pub(crate) fn value(&self, name: &str) -> Option<&Value<'a>> {
        let at = self
            .0
            .binary_search_by(|(known, _)| known.as_str().cmp(name))
            .ok()?;
        match self.0.get(at)? {
            (_, Value::Null) => None,
            (_, Value::Text(text)) if text.as_str().is_empty() && empty_is_absent(name) => None,
            (_, value) => Some(value),
        }
    }

    pub(crate) fn take<T: Word>(&self, name: &'static str) -> Result<T, Wrong> {
        match self.value(name) {
            Some(value) => T::from_value(name, value),
            None => T::absent(name),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

fn empty_is_absent(name: &str) -> bool {
    matches!(
        name,
        "context" | "nonce" | "associated_data" | "key_version" | "target_context" | "target_associated_data"
    )
}
