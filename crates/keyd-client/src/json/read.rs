//! From bytes to fields, within bounds.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Fields, MAX_NESTING, Text, Value};
use crate::wrong::Wrong;

/// Reads a body: an object, or nothing at all, of at most `most` values (CHK-029, KEY-015).
pub(crate) fn read(body: &[u8], most: usize) -> Result<Fields<'_>, Wrong> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Fields::default());
    }
    let bounds = Bounds {
        values_left: Cell::new(most),
        fault: RefCell::new(None),
    };
    let seed = Seed {
        bounds: &bounds,
        levels_left: MAX_NESTING,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = seed
        .deserialize(&mut json)
        .map_err(|_| bounds.fault.take().unwrap_or(Wrong::Json))?;
    json.end().map_err(|_| Wrong::Json)?;
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(Wrong::NotAnObject),
    }
}

/// What one body may still take, and what was wrong if a bound was met: serde's errors carry no types.
struct Bounds {
    values_left: Cell<usize>,
    fault: RefCell<Option<Wrong>>,
}

#[derive(Clone, Copy)]
struct Seed<'b> {
    bounds: &'b Bounds,
    levels_left: usize,
}

impl Seed<'_> {
    fn fail<E: serde::de::Error>(&self, wrong: Wrong) -> E {
        self.bounds.fault.replace(Some(wrong));
        E::custom("bound")
    }

    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self { levels_left, ..*self }),
            None => Err(self.fail(Wrong::Nesting)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        match self.bounds.values_left.get().checked_sub(1) {
            Some(left) => self.bounds.values_left.set(left),
            None => return Err(self.fail(Wrong::TooManyValues)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value<'de>, E> {
        Ok(Value::OtherNumber)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::OtherNumber)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text::borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text::owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let deeper = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(deeper)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let deeper = self.deeper()?;
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            fields.push((name, map.next_value_seed(deeper)?));
        }
        match Fields::new(fields) {
            Ok(fields) => Ok(Value::Object(fields)),
            Err(wrong) => Err(self.fail(wrong)),
        }
    }
}
