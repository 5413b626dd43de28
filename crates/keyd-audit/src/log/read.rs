//! Records that are there already, by number.

use std::io::BufReader;
use std::sync::Arc;

use super::error::{Damage, LogError};
use super::state::{Shared, State};
use super::{PLACES, remember};
use crate::folder::{File, Reader};
use crate::segment::{Lines, name};

/// No answer has more bytes than this, but for its first line.
const MAX_ANSWER: usize = 4 << 20;

/// Where to begin to read.
struct Start {
    record: u64,
    segment: u64,
    offset: u64,
    /// The file, if it is the one that is written to.
    file: Option<Arc<dyn File>>,
    /// Where the last whole record in it ends, if it is that one.
    end: Option<u64>,
}

impl Shared {
    /// Lines `from` and following, at most `count` and at most four MiB; none where none are.
    pub(super) fn read(&self, from: u64, count: usize) -> Result<Vec<String>, LogError> {
        let mut lines = Vec::new();
        let (mut bytes, mut next) = (0, from);
        while lines.len() < count && bytes < MAX_ANSWER {
            let Some(start) = self.start(next) else { break };
            let before = next;
            self.read_segment(&start, &mut next, &mut |line| {
                bytes += line.len();
                lines.push(line);
                lines.len() < count && bytes < MAX_ANSWER
            })?;
            if next == before {
                return Err(LogError::Damaged(Damage::Record(next)));
            }
        }
        Ok(lines)
    }

    /// The nearest known place before a record that is there.
    fn start(&self, record: u64) -> Option<Start> {
        let state = self.lock();
        if record >= state.tree.size() || record < state.dropped.size() {
            return None;
        }
        let segment = segment_of(&state, record);
        let place = state.places.range(segment..=record).next_back();
        let (at, offset) = match place {
            Some((at, (within, offset))) if *within == segment => (*at, *offset),
            _ => (segment, 0),
        };
        let current = segment == state.segment.number;
        Some(Start {
            record: at,
            segment,
            offset,
            file: current.then(|| state.segment.file.clone()),
            end: current.then_some(state.segment.len),
        })
    }

    fn read_segment(
        &self,
        start: &Start,
        next: &mut u64,
        take: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), LogError> {
        let doing = LogError::io("read the audit log");
        let file = match &start.file {
            Some(file) => Arc::clone(file),
            None => self.folder.open(&name(start.segment)).map_err(&doing)?,
        };
        let (mut record, mut offset) = (start.record, start.offset);
        let mut places = Vec::new();
        let mut lines = Lines::new(BufReader::new(Reader::new(file, offset)), None);
        while start.end.is_none_or(|end| offset < end)
            && let Some((line, taken)) = lines.next_line().map_err(&doing)?
        {
            if record.is_multiple_of(PLACES) {
                places.push((record, offset));
            }
            if record == *next {
                let line =
                    String::from_utf8(line.bytes).map_err(|_| LogError::Damaged(Damage::Record(record)))?;
                *next += 1;
                if !take(line) {
                    break;
                }
            }
            record += 1;
            offset += taken;
        }
        let mut state = self.lock();
        for (record, offset) in places {
            remember(&mut state.places, record, (start.segment, offset));
        }
        Ok(())
    }
}

/// The segment in which a record lies.
fn segment_of(state: &State, record: u64) -> u64 {
    if record >= state.segment.number {
        return state.segment.number;
    }
    let before = state.closed.range(..=record).next_back();
    before.map_or(state.segment.number, |(number, _)| *number)
}
