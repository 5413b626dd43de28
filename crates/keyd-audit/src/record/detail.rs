//! What only some events have to say.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names and what they stand for, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail<'a>(pub Vec<(Cow<'a, str>, Fact<'a>)>);

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<'a> {
    /// `true` or `false`.
    Truth(bool),
    /// A number; none is negative.
    Number(u64),
    /// Text.
    Text(Cow<'a, str>),
}

impl<'a> Detail<'a> {
    /// Adds a number.
    #[must_use]
    pub fn number(mut self, name: &'a str, number: u64) -> Self {
        self.0.push((name.into(), Fact::Number(number)));
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, name: &'a str, text: impl Into<Cow<'a, str>>) -> Self {
        self.0.push((name.into(), Fact::Text(text.into())));
        self
    }

    /// The first fact of that name.
    pub fn fact(&self, name: &str) -> Option<&Fact<'a>> {
        let (_, fact) = self.0.iter().find(|(known, _)| known == name)?;
        Some(fact)
    }
}

impl Serialize for Detail<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, fact) in &self.0 {
            map.serialize_entry(name, fact)?;
        }
        map.end()
    }
}

impl Serialize for Fact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Truth(truth) => serializer.serialize_bool(*truth),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Detail<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DetailVisitor)
    }
}

impl<'de> Deserialize<'de> for Fact<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FactVisitor)
    }
}

struct DetailVisitor;

impl<'de> Visitor<'de> for DetailVisitor {
    type Value = Detail<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut facts = Vec::new();
        while let Some((name, fact)) = map.next_entry::<String, Fact<'static>>()? {
            facts.push((name.into(), fact));
        }
        Ok(Detail(facts))
    }
}

struct FactVisitor;

impl Visitor<'_> for FactVisitor {
    type Value = Fact<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, a number from 0 on, or text")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Fact::Truth(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Fact::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Fact::Text(text.to_owned().into()))
    }
}
