//! Notes one after another in a file.

use std::io::{self, BufRead};

use super::{DASH, MAX_NOTE, NoteError, SignedNote};

/// Reads notes from a file to which they were appended, one at a time: memory is bounded by the longest note that is taken.
#[derive(Debug)]
pub struct NotesFile<R> {
    reader: R,
    line: Vec<u8>,
    offset: u64,
}

/// What stands next in a file of notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundNote {
    /// A note; nothing vouches for it yet.
    Note(SignedNote),
    /// Something else than a note; what follows it can still be read.
    Bad(NoteError),
    /// The file ends within a note that begins at this byte: its writer was broken off.
    Torn(u64),
}

impl<R: BufRead> NotesFile<R> {
    /// From the file's beginning.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            offset: 0,
        }
    }

    /// The next note, `None` at the end. A note ends before the first line that is no signature after one that is.
    pub fn next_note(&mut self) -> io::Result<Option<FoundNote>> {
        let begins = self.offset;
        let mut bytes = Vec::new();
        let (mut signed, mut long) = (false, false);
        loop {
            if self.line.is_empty() && !self.read_line()? {
                break;
            }
            let signature = self.line.starts_with(DASH.as_bytes());
            if signed && !signature {
                break;
            }
            signed |= signature;
            long |= bytes.len() + self.line.len() > MAX_NOTE;
            if long {
                bytes.clear();
            }
            bytes.extend_from_slice(&self.line);
            self.offset += self.line.len() as u64;
            self.line.clear();
        }
        if self.offset == begins {
            return Ok(None);
        }
        let whole = signed && bytes.ends_with(b"\n");
        Ok(Some(match (long, whole) {
            (true, _) => FoundNote::Bad(NoteError::Malformed),
            (false, true) => SignedNote::parse(&bytes).map_or_else(FoundNote::Bad, FoundNote::Note),
            (false, false) => FoundNote::Torn(begins),
        }))
    }

    /// A line with its line feed, or as much of one as a note may have.
    fn read_line(&mut self) -> io::Result<bool> {
        let limit = MAX_NOTE as u64 + 1;
        let read = io::Read::take(&mut self.reader, limit).read_until(b'\n', &mut self.line)?;
        Ok(read > 0)
    }
}
