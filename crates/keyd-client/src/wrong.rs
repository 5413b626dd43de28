//! What can be wrong with a body, by what is wrong. The texts are those of the interface.

use std::fmt;

/// Why a request or an answer does not decode (CHK-029).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// Not JSON, or something follows the object.
    #[error("failed to parse JSON input")]
    Json,
    /// JSON, but no object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// A field stands twice in one object, or twice in the query.
    #[error("a field stands twice")]
    Twice,
    /// Nested deeper than [`MAX_NESTING`](crate::MAX_NESTING).
    #[error("the body is nested too deeply")]
    Nesting,
    /// More values than any request of this batch limit has (KEY-015).
    #[error("the body has too many values")]
    TooManyValues,
    /// More items than the service takes at once (KEY-015).
    #[error("batch_input has more than {0} items")]
    TooManyItems(usize),
    /// A sentence of the interface.
    #[error("{0}")]
    Said(&'static str),
    /// A field that must be there.
    #[error("missing {0}")]
    Missing(&'static str),
    /// A field of another type.
    #[error("{field} is not {expected}")]
    Type {
        /// Its name.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A word that the interface does not have.
    #[error("{what}: {value}")]
    Unknown {
        /// What kind of word, as the interface says it.
        what: &'static str,
        /// The word.
        value: Echo,
    },
    /// The same, where the interface puts the word in quotation marks.
    #[error("{what} \"{value}\"")]
    Quoted {
        /// What kind of word, as the interface says it.
        what: &'static str,
        /// The word.
        value: Echo,
    },
    /// As many answers as questions were expected.
    #[error("a batch of {asked} items has {answered} answers")]
    BatchLength {
        /// How many were asked for.
        asked: usize,
        /// How many came.
        answered: usize,
    },
    /// The value cannot be written as JSON. A bug of this crate.
    #[error("the value cannot be written as JSON")]
    Unwritable,
}

/// The beginning of what somebody else said, to be shown to her again: at most 64 characters, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo(String);

impl Echo {
    const MOST: usize = 64;

    pub(crate) fn new(text: &str) -> Self {
        Self(
            text.chars()
                .filter(|c| !c.is_control())
                .take(Self::MOST)
                .collect(),
        )
    }
}

impl fmt::Display for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
