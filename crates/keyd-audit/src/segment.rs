//! The files of a log and the lines in them.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use crate::folder::{Directory, Folder, Reader};
use crate::record::{Line, MAX_LINE};

/// The name of the segment whose first record has this number.
pub(crate) fn name(number: u64) -> String {
    format!("{number:016}.jsonl")
}

/// The number of a segment by its name.
fn number(file: &str) -> Option<u64> {
    let number = file.strip_suffix(".jsonl")?.parse().ok()?;
    (name(number) == file).then_some(number)
}

/// The numbers of the segments in a folder, ascending.
pub(crate) fn numbers(folder: &dyn Folder) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = folder.names()?.iter().filter_map(|file| number(file)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The lines of a reader; memory is bounded by the longest line.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    segment: Option<u64>,
}

impl<R: BufRead> Lines<R> {
    /// `segment`: the number of the segment, if the first line is its first.
    pub(crate) fn new(reader: R, segment: Option<u64>) -> Self {
        Self { reader, segment }
    }

    /// The next line, and how many bytes it took with its line feed. Of a line that is too long for a record only the beginning is
    /// kept; it is one all the same.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<(Line, u64)>> {
        let mut bytes = Vec::new();
        let limit = MAX_LINE as u64 + 1;
        let mut taken = self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes)? as u64;
        if taken == 0 {
            return Ok(None);
        }
        let mut whole = bytes.ends_with(b"\n");
        if whole {
            bytes.pop();
        } else if taken == limit {
            let skipped = self.skip_line()?;
            taken += skipped.0;
            whole = skipped.1;
        }
        let line = Line {
            bytes,
            whole,
            segment: self.segment.take(),
        };
        Ok(Some((line, taken)))
    }

    /// Passes over the rest of a line: how much it was, and whether it ended.
    fn skip_line(&mut self) -> io::Result<(u64, bool)> {
        let mut skipped = 0;
        loop {
            let buffer = self.reader.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(taken);
            skipped += taken as u64;
            if end.is_some() || taken == 0 {
                return Ok((skipped, end.is_some()));
            }
        }
    }
}

/// The lines of all segments of a folder, in the order of their numbers; made for [`verify`](crate::verify()) and for showing a log
/// that no service has open. One segment is open at a time.
pub struct Segments {
    folder: Arc<dyn Folder>,
    numbers: VecDeque<u64>,
    lines: Option<Lines<BufReader<Reader>>>,
}

impl Segments {
    /// From the oldest segment of `dir` on. Records that a running service adds meanwhile are read too.
    pub fn open(dir: &Path) -> io::Result<Self> {
        Self::of(Arc::new(Directory::open(dir)?))
    }

    pub(crate) fn of(folder: Arc<dyn Folder>) -> io::Result<Self> {
        Ok(Self {
            numbers: numbers(&*folder)?.into(),
            folder,
            lines: None,
        })
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(lines) = &mut self.lines
                && let Some((line, _)) = lines.next_line()?
            {
                return Ok(Some(line));
            }
            let Some(number) = self.numbers.pop_front() else {
                self.lines = None;
                return Ok(None);
            };
            let file = self.folder.open(&name(number))?;
            let reader = BufReader::new(Reader::new(file, 0));
            self.lines = Some(Lines::new(reader, Some(number)));
        }
    }
}

impl Iterator for Segments {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line().transpose()
    }
}

impl std::fmt::Debug for Segments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segments")
            .field("numbers", &self.numbers)
            .finish_non_exhaustive()
    }
}
