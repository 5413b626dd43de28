//! Structs whose fields are words.

/// Declares structs together with how they stand in JSON. `name as "wire": Type = default`: the name in JSON if it is another one, and
/// what is meant by its absence if that is not an error.
macro_rules! words {
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $wire:literal) => { $wire };
    (@read $fields:expr, $name:expr) => { $fields.take($name)? };
    (@read $fields:expr, $name:expr, $default:expr) => {
        match $fields.value($name) {
            Some(value) => $crate::word::Word::from_value($name, value)?,
            None => $default,
        }
    };
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident $(as $wire:literal)? : $type:ty $(= $default:expr)?, )*
        }
    )*) => { $(
        $(#[$meta])*
        #[derive(Debug)]
        $vis struct $name { $( $(#[$field_meta])* $field_vis $field: $type, )* }

        impl $crate::word::Worded for $name {
            fn read(fields: &$crate::json::Fields<'_>) -> Result<Self, $crate::wrong::Wrong> {
                Ok(Self {
                    $( $field: words!(@read fields, words!(@name $field $($wire)?) $(, $default)?), )*
                })
            }

            fn write<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                $(
                    if !$crate::word::Word::is_absent(&self.$field) {
                        map.serialize_entry(words!(@name $field $($wire)?), &self.$field)?;
                    }
                )*
                Ok(())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::word::AsObject(self).serialize(serializer)
            }
        }

        impl $crate::word::Word for $name {
            fn from_value(field: &'static str, value: &$crate::json::Value<'_>) -> Result<Self, $crate::wrong::Wrong> {
                match value {
                    $crate::json::Value::Object(fields) => $crate::word::Worded::read(fields),
                    _ => Err($crate::wrong::Wrong::Type { field, expected: "an object" }),
                }
            }
        }
    )* };
}

pub(crate) use words;
