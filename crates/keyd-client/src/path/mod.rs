//! Paths: the mount, names of keys, segments.

mod mount;
mod name;
mod percent;

pub use mount::{Mount, MountError};
pub use name::{Name, NameError};
pub(crate) use percent::{decode, encode};

use crate::json::{Fields, Text, Value};
use crate::wrong::Wrong;

/// The segments of a path, each decoded once; empty ones are left out. None if one is no text.
pub(crate) fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| decode(segment, false))
        .collect()
}

/// The fields of a query.
pub(crate) fn query(text: &str) -> Result<Fields<'static>, Wrong> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |part| decode(part, true).ok_or(Wrong::Said("the query is not UTF-8, percent-encoded"));
        Ok((
            Text::owned(decoded(name)?),
            Value::Text(Text::owned(decoded(value)?)),
        ))
    });
    Fields::new(pairs.collect::<Result<_, _>>()?)
}
