//! From fields to types and back: each type says how it stands in JSON, and what is read in its place.

mod choice;
mod collection;
mod octets;
mod scalar;
mod seconds;
mod words;

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::json::{Fields, Value};
use crate::wrong::Wrong;

pub(crate) use choice::choices;
pub use collection::Nullable;
pub use octets::{Octets, SecretText};
pub(crate) use scalar::decimal;
pub use scalar::{Ciphertext, Nil};
pub use seconds::Seconds;
pub(crate) use words::words;

/// The value of one field.
pub(crate) trait Word: Serialize + Sized {
    /// What stands there, under the rules of the interface.
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong>;

    /// What is meant by nothing.
    fn absent(field: &'static str) -> Result<Self, Wrong> {
        Err(Wrong::Missing(field))
    }

    /// Whether it is written at all.
    fn is_absent(&self) -> bool {
        false
    }
}

/// The fields of one object, or some of them.
pub(crate) trait Worded: Sized {
    fn read(fields: &Fields<'_>) -> Result<Self, Wrong>;
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

/// Writes an object of these fields.
pub(crate) struct AsObject<'a, T>(pub(crate) &'a T);

impl<T: Worded> Serialize for AsObject<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.write(&mut map)?;
        map.end()
    }
}
