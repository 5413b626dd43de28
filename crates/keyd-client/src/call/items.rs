//! One item, or a batch of them.

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::json::{Fields, Value};
use crate::word::Worded;
use crate::wrong::Wrong;

/// What an operation is done to.
#[derive(Debug)]
pub enum Items<T> {
    /// One item, answered by itself.
    One(T),
    /// Some, answered in the same order; each succeeds or fails by itself.
    Batch(Vec<Item<T>>),
}

/// One of a batch.
#[derive(Debug)]
pub struct Item<T> {
    /// Comes back with the answer.
    pub reference: String,
    /// What is wrong with an item is the error of that item alone.
    pub item: Result<T, Wrong>,
}

/// What can stand in a batch.
pub(crate) trait Batched: Worded {
    /// A context in all items or in none.
    const SAME_CONTEXT: bool;
}

impl<T> Items<T> {
    /// A batch without references.
    pub fn batch(items: impl IntoIterator<Item = T>) -> Self {
        let item = |item| Item {
            reference: String::new(),
            item: Ok(item),
        };
        Self::Batch(items.into_iter().map(item).collect())
    }

    /// How many answers are due; none if it is not a batch.
    pub fn batch_len(&self) -> Option<usize> {
        match self {
            Self::One(_) => None,
            Self::Batch(items) => Some(items.len()),
        }
    }
}

impl<T> Items<T> {
    pub(crate) fn read(fields: &Fields<'_>, most: usize) -> Result<Self, Wrong>
    where
        T: Batched,
    {
        const NOTHING: Wrong = Wrong::Said("missing batch input to process");
        let items = match fields.value("batch_input") {
            None => return read_one(fields).map(Self::One),
            Some(Value::Array(items)) if items.is_empty() => return Err(NOTHING),
            Some(Value::Array(items)) if items.len() > most => return Err(Wrong::TooManyItems(most)),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(NOTHING),
        };
        let fields: Result<Vec<&Fields<'_>>, Wrong> = items
            .iter()
            .map(|item| match item {
                Value::Object(fields) => Ok(fields),
                _ => Err(Wrong::Type {
                    field: "batch_input",
                    expected: "an array of objects",
                }),
            })
            .collect();
        let fields = fields?;
        let mut contexts = fields.iter().map(|fields| fields.value("context").is_some());
        let first = contexts.next();
        if T::SAME_CONTEXT && contexts.any(|has| Some(has) != first) {
            return Err(Wrong::Said(
                "context should be set either in all the request blocks or in none",
            ));
        }
        let read = |fields: &Fields<'_>| {
            Ok(Item {
                reference: fields.take::<Option<String>>("reference")?.unwrap_or_default(),
                item: read_one(fields),
            })
        };
        fields
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self::Batch)
    }

    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>
    where
        T: Batched,
    {
        match self {
            Self::One(item) => item.write(map),
            Self::Batch(items) => map.serialize_entry("batch_input", items),
        }
    }
}

/// KEY-005: no nonce comes from outside.
pub(crate) fn read_one<T: Worded>(fields: &Fields<'_>) -> Result<T, Wrong> {
    match fields.value("nonce") {
        Some(_) => Err(Wrong::Said("nonce provided when not allowed")),
        None => T::read(fields),
    }
}

impl<T: Worded> Serialize for Item<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Ok(item) = &self.item {
            item.write(&mut map)?;
        }
        if !self.reference.is_empty() {
            map.serialize_entry("reference", &self.reference)?;
        }
        map.end()
    }
}
