//! The one way in which a record is written.

use super::Record;
use crate::tree::Hash;

/// The longest line, in bytes without its line feed. A longer record is refused, a longer line is none.
pub const MAX_LINE: usize = 65_536;

/// What a log's file holds up to a line feed, or up to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Without the line feed.
    pub bytes: Vec<u8>,
    /// It was ended by a line feed.
    pub whole: bool,
    /// The number of the segment whose first line it is; `None` for others, and where lines come from no files.
    pub segment: Option<u64>,
}

/// Why a line is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Not ended by a line feed.
    #[error("the line is not ended")]
    Torn,
    /// More than [`MAX_LINE`] bytes.
    #[error("the line is too long")]
    Long,
    /// Not JSON with a record's fields.
    #[error("the line is not a record")]
    Record,
    /// A record, but written in another way than this crate writes it: order of fields, spaces, escapes.
    #[error("the record is not written as the log writes it")]
    Canonical,
}

impl Line {
    /// A whole line that comes from no file.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: text.into(),
            whole: true,
            segment: None,
        }
    }

    /// Its leaf in the tree.
    pub fn leaf(&self) -> Hash {
        Hash::leaf(&self.bytes)
    }

    /// The record's number, as far as the line says one; for naming a line that is otherwise none.
    pub fn number(&self) -> Option<u64> {
        split(&self.bytes).map(|(number, _)| number)
    }

    /// Number and record, if the line is exactly what [`Log::append`](crate::Log::append) writes for them.
    pub fn record(&self) -> Result<(u64, Record<'static>), LineError> {
        if self.bytes.len() > MAX_LINE {
            return Err(LineError::Long);
        }
        if !self.whole {
            return Err(LineError::Torn);
        }
        let (number, tail) = split(&self.bytes).ok_or(LineError::Record)?;
        let json = [b"{", tail].concat();
        let record: Record<'static> = serde_json::from_slice(&json).map_err(|_| LineError::Record)?;
        let canonical = super::tail(&record).ok_or(LineError::Record)?;
        if canonical == tail {
            Ok((number, record))
        } else {
            Err(LineError::Canonical)
        }
    }
}

/// A record's line but for the number: everything from the first field's name on. `None` never happens for a record.
pub(crate) fn tail(record: &Record<'_>) -> Option<Vec<u8>> {
    let mut json = serde_json::to_vec(record).ok()?;
    json.remove(0);
    Some(json)
}

/// The line with its line feed.
pub(crate) fn encode(number: u64, tail: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(tail.len() + 32);
    line.extend_from_slice(b"{\"n\":");
    line.extend_from_slice(number.to_string().as_bytes());
    line.push(b',');
    line.extend_from_slice(tail);
    line.push(b'\n');
    line
}

/// The number and what follows its comma.
fn split(line: &[u8]) -> Option<(u64, &[u8])> {
    let rest = line.strip_prefix(b"{\"n\":")?;
    let comma = rest.iter().take(21).position(|byte| *byte == b',')?;
    let (digits, tail) = (rest.get(..comma)?, rest.get(comma + 1..)?);
    let text = std::str::from_utf8(digits).ok()?;
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some((number, tail))
}
