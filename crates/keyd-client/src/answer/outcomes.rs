//! Answers to one item, or to a batch.

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::call::PartialStatus;
use crate::json::{Fields, Value};
use crate::refusal::shown;
use crate::word::Worded;
use crate::wrong::Wrong;

/// What came of the items of a request, in their order.
#[derive(Debug)]
pub enum Outcomes<T> {
    /// Of one item by itself.
    One(T),
    /// Of each of a batch.
    Batch(Vec<Outcome<T>>),
}

/// What came of one item of a batch.
#[derive(Debug)]
pub struct Outcome<T> {
    /// As the request gave it.
    pub reference: String,
    /// What came of it.
    pub result: Result<T, ItemFault>,
}

/// Why one item of a batch failed, while others may have succeeded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ItemFault {
    /// A sentence of the interface.
    pub text: String,
    /// The service's fault rather than the client's. It decides the status and is not told: false in what a client read.
    pub by_service: bool,
}

impl<T> Outcomes<T> {
    /// The status of encrypt, decrypt, rewrap and translate: 200 if all succeeded, else 400 if any fault was the client's, else 500;
    /// replaced by `partial` if at least one succeeded.
    pub fn status(&self, partial: Option<PartialStatus>) -> u16 {
        let Self::Batch(outcomes) = self else { return 200 };
        let mut faults = outcomes
            .iter()
            .filter_map(|outcome| outcome.result.as_ref().err())
            .peekable();
        if faults.peek().is_none() {
            return 200;
        }
        let one_succeeded = outcomes.iter().any(|outcome| outcome.result.is_ok());
        match partial {
            Some(partial) if one_succeeded => partial.status(),
            _ if faults.any(|fault| !fault.by_service) => 400,
            _ => 500,
        }
    }
}

impl<T> Outcomes<T> {
    /// `asked`: the number of items if a batch was asked for.
    pub(crate) fn read(data: &Fields<'_>, asked: Option<usize>) -> Result<Self, Wrong>
    where
        T: Worded,
    {
        let Some(asked) = asked else {
            return T::read(data).map(Self::One);
        };
        let Some(Value::Array(items)) = data.value("batch_results") else {
            return Err(Wrong::Missing("batch_results"));
        };
        if items.len() != asked {
            return Err(Wrong::BatchLength {
                asked,
                answered: items.len(),
            });
        }
        let outcomes = items.iter().map(|item| match item {
            Value::Object(fields) => Outcome::read(fields),
            _ => Err(Wrong::Type {
                field: "batch_results",
                expected: "an array of objects",
            }),
        });
        outcomes.collect::<Result<_, _>>().map(Self::Batch)
    }

    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>
    where
        T: Worded,
    {
        match self {
            Self::One(answer) => answer.write(map),
            Self::Batch(outcomes) => map.serialize_entry("batch_results", outcomes),
        }
    }
}

impl<T> Outcome<T> {
    fn read(fields: &Fields<'_>) -> Result<Self, Wrong>
    where
        T: Worded,
    {
        let error: Option<String> = fields.take("error")?;
        Ok(Self {
            reference: fields.take::<Option<String>>("reference")?.unwrap_or_default(),
            result: match error.filter(|text| !text.is_empty()) {
                Some(text) => Err(ItemFault {
                    text: shown(&text),
                    by_service: false,
                }),
                None => Ok(T::read(fields)?),
            },
        })
    }
}

impl<T: Worded> Serialize for Outcome<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.result {
            Ok(answer) => answer.write(&mut map)?,
            Err(fault) => map.serialize_entry("error", &fault.text)?,
        }
        map.serialize_entry("reference", &self.reference)?;
        map.end()
    }
}
