//! One record after another into the kernel.

use std::sync::MutexGuard;
use std::time::Instant;

use super::error::LogError;
use super::options::Fullness;
use super::state::{Shared, State};
use super::{Written, remember};
use crate::record::{Event, MAX_LINE, Record, encode, tail};
use crate::tree::Hash;

/// The longest beginning of a line: `{"n":18446744073709551615,`.
const HEAD: usize = 26;

impl Shared {
    /// Writes a record. Whoever is in the kernel with one keeps others waiting no longer than a stall lasts.
    pub(super) fn append(&self, record: &Record<'_>) -> Result<Written, LogError> {
        let tail = tail(record).ok_or(LogError::TooLong)?;
        if HEAD + tail.len() > MAX_LINE {
            return Err(LogError::TooLong);
        }
        let state = self.right_to_write()?;
        let result = self.write(state, record, &tail);
        let mut state = self.lock();
        self.return_right(&mut state);
        result
    }

    /// Waits until nobody else writes.
    pub(super) fn right_to_write(&self) -> Result<MutexGuard<'_, State>, LogError> {
        let deadline = Instant::now() + self.limits.stall;
        let mut state = self.lock();
        loop {
            state.refusal()?;
            let now = Instant::now();
            if state.writing.is_none() {
                state.writing = Some(now);
                self.be_watched(&mut state);
                return Ok(state);
            }
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Err(LogError::Stalled);
            }
            (state, _) = self
                .writer
                .wait_timeout(state, left)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// Lets the next one write.
    pub(super) fn return_right(&self, state: &mut State) {
        state.writing = None;
        state.stalled &= state.keeping.is_some();
        self.writer.notify_one();
    }

    fn write(
        &self,
        state: MutexGuard<'_, State>,
        record: &Record<'_>,
        tail: &[u8],
    ) -> Result<Written, LogError> {
        if state.tree.size() - state.synced >= self.limits.queue {
            return Err(LogError::Busy);
        }
        let ask_disk = self.fullness(&state) == Fullness::Full;
        let (number, torn) = (state.tree.size(), state.torn);
        let (segment, file, offset) = (
            state.segment.number,
            state.segment.file.clone(),
            state.segment.len,
        );
        drop(state);

        if ask_disk {
            let free = self
                .folder
                .free()
                .map_err(LogError::io("ask for the free space"))?;
            let mut state = self.lock();
            state.free = free;
            if self.fullness(&state) == Fullness::Full {
                return Err(LogError::Full);
            }
        }
        if torn {
            file.truncate(offset).map_err(LogError::io("cut the audit log"))?;
        }
        let line = encode(number, tail);
        let written = file.write_at(&line, offset);

        let mut state = self.lock();
        state.torn = written.is_err();
        written.map_err(LogError::io("write the audit log"))?;
        state
            .tree
            .push(Hash::leaf(line.strip_suffix(b"\n").unwrap_or(&line)));
        let len = offset + line.len() as u64;
        state.segment.len = len;
        remember(&mut state.places, number, (segment, offset));
        let begun = *state.segment.begun.get_or_insert(record.time);
        let age = record.time.micros().saturating_sub(begun.micros());
        state.rotate |= len >= self.limits.segment_size || age >= self.limits.segment_age;
        state.since_checkpoint += u64::from(record.event != Event::Checkpoint);
        if state.unsynced.is_none() {
            state.unsynced = Some(Instant::now());
            self.keeper.notify_one();
        }
        Ok(Written {
            size: state.tree.size(),
        })
    }
}
