//! Enums whose variants are words of the interface.

/// Declares an enum, its words, and the sentence that refuses any other one: `Unknown("…")` (`…: X`) or `Quoted("…")` (`… "X"`).
macro_rules! choices {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident: $refusal:ident($what:literal) {
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name { $( $(#[$variant_meta])* $variant, )* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }

            /// The one of that name; the error is the sentence of the interface.
            pub fn parse(text: &str) -> Result<Self, $crate::Wrong> {
                let known = Self::ALL.iter().copied().find(|known| known.as_str() == text);
                known.ok_or_else(|| $crate::wrong::Wrong::$refusal {
                    what: $what,
                    value: $crate::wrong::Echo::new(text),
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl $crate::word::Word for $name {
            fn from_value(field: &'static str, value: &$crate::json::Value<'_>) -> Result<Self, $crate::wrong::Wrong> {
                match value {
                    $crate::json::Value::Text(text) => Self::parse(text.as_str()),
                    _ => Err($crate::wrong::Wrong::Type { field, expected: "text" }),
                }
            }
        }
    };
}

pub(crate) use choices;
