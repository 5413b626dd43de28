//! Random bytes and plain hashes: no key is needed for either.

use super::sign::{HashAlgorithm, hash, unsupported};
use crate::json::Fields;
use crate::word::{Octets, Word, choices, words};
use crate::wrong::Wrong;

choices! {
    /// How bytes are written.
    pub enum ByteFormat: Unknown("invalid format") {
        /// RFC 4648, section 4.
        Base64 = "base64",
        /// Lower case.
        Hex = "hex",
    }
}

choices! {
    /// Where random bytes come from; both are the service's generator.
    pub enum RandomSource: Unknown("unsupported source") {
        /// The platform's generator.
        Platform = "platform",
        /// Every one there is.
        All = "all",
    }
}

words! {
    /// Random bytes.
    pub struct Random {
        /// 1 to 131,072.
        pub bytes: u32 = 32,
        /// How they are written.
        pub format: ByteFormat = ByteFormat::Base64,
    }
}

impl Random {
    /// The most that one request gives.
    pub const MOST: u32 = 131_072;

    pub(crate) fn read_with(fields: &Fields<'_>, bytes: Option<u32>) -> Result<Self, Wrong> {
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => fields.take::<Option<u32>>("bytes")?.unwrap_or(32),
        };
        if !(1..=Self::MOST).contains(&bytes) {
            return Err(Wrong::Type {
                field: "bytes",
                expected: "from 1 to 131072",
            });
        }
        let format = match fields.value("format") {
            Some(value) => Word::from_value("format", value)?,
            None => ByteFormat::Base64,
        };
        Ok(Self { bytes, format })
    }
}

/// What to hash.
#[derive(Debug)]
pub struct Hash {
    /// `sha2-256` if absent.
    pub algorithm: Option<HashAlgorithm>,
    /// Of what.
    pub input: Octets,
    /// How the digest is written.
    pub format: ByteFormat,
}

impl Hash {
    pub(crate) fn read(fields: &Fields<'_>, path: Option<&str>) -> Result<Self, Wrong> {
        let input = fields.take::<Option<Octets>>("input")?;
        Ok(Self {
            algorithm: hash(fields, path).map_err(unsupported)?,
            input: input.ok_or(Wrong::Said("input missing"))?,
            format: fields
                .take::<Option<ByteFormat>>("format")?
                .unwrap_or(ByteFormat::Hex),
        })
    }

    pub(crate) fn write<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        if let Some(algorithm) = self.algorithm {
            map.serialize_entry("algorithm", &algorithm)?;
        }
        map.serialize_entry("input", &self.input)?;
        map.serialize_entry("format", &self.format)
    }
}
