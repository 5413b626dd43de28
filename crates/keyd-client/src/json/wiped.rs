//! A buffer that leaves no copy behind when it grows.

use std::io;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::wrong::Wrong;

/// Room at the beginning; most requests fit.
const FIRST: usize = 512;

/// Bytes that are wiped wherever they lay.
#[derive(Default)]
pub(crate) struct Wiped(Zeroizing<Vec<u8>>);

impl Wiped {
    pub(crate) fn with_room(room: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(room)))
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len().saturating_add(bytes.len());
        if needed > self.0.capacity() {
            let room = needed.max(self.0.capacity().saturating_mul(2)).max(FIRST);
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_inner(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl io::Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The value as JSON without spaces.
pub(crate) fn to_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let mut out = Wiped::default();
    serde_json::to_writer(&mut out, value).map_err(|_| Wrong::Unwritable)?;
    Ok(out.into_inner())
}

/// An object that is being written.
pub(crate) type JsonObject<'a> = <&'a mut serde_json::Serializer<Wiped> as Serializer>::SerializeMap;

/// An object of what `write` adds to it.
pub(crate) fn to_json_object(
    write: impl FnOnce(&mut JsonObject<'_>) -> serde_json::Result<()>,
) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let mut json = serde_json::Serializer::new(Wiped::default());
    let written = json.serialize_map(None).and_then(|mut object| {
        write(&mut object)?;
        SerializeMap::end(object)
    });
    written.map_err(|_| Wrong::Unwritable)?;
    Ok(json.into_inner().into_inner())
}
