//! From one segment to the next, and the oldest one away.

use std::io::BufReader;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::error::{LogError, is_full};
use super::options::WhenFull;
use super::state::{Dropping, Segment, Shared, State};
use crate::folder::{File, Folder, Reader};
use crate::record::{Detail, Event};
use crate::segment::{Lines, name};
use crate::tree::Frontier;

/// What the next segment is called before it has a first record.
pub(super) const NEXT: &str = "next";

/// A new file under [`NEXT`], with room reserved if there is any.
pub(super) fn prepare(folder: &dyn Folder, size: u64) -> std::io::Result<(Arc<dyn File>, u64)> {
    let file = folder.create(NEXT)?;
    match file.reserve(size) {
        Ok(()) => Ok((file, size)),
        // The log is then low, and says so.
        Err(error) if is_full(&error) => Ok((file, 0)),
        Err(error) => Err(error),
    }
}

impl Shared {
    /// Begins the next segment. It gets its name only when the one before it is on disk as a whole: so only the last segment of a
    /// log can end in the middle of a record.
    pub(super) fn rotate(&self) -> Result<(), LogError> {
        let doing = LogError::io("begin a segment");
        let (file, reserved) = prepare(&*self.folder, self.limits.segment_size).map_err(&doing)?;
        let state = self.right_to_write()?;
        let (before, len, number) = (state.segment.file.clone(), state.segment.len, state.tree.size());
        drop(state);
        let renamed = self.change_over(&*before, len, number);
        let mut state = self.lock();
        if renamed.is_ok() {
            let next = Segment {
                number,
                file,
                len: 0,
                reserved,
                begun: None,
            };
            let ended = std::mem::replace(&mut state.segment, next);
            state.closed.insert(ended.number, ended.len);
            state.closed_len += ended.len;
            state.synced = state.synced.max(number);
            state.unsynced = None;
            (state.rotate, state.torn) = (false, false);
        }
        self.return_right(&mut state);
        renamed
    }

    fn change_over(&self, before: &dyn File, len: u64, number: u64) -> Result<(), LogError> {
        let doing = LogError::io("begin a segment");
        before.truncate(len).map_err(&doing)?;
        let failed = |_| {
            self.fail();
            LogError::Failed
        };
        before.sync().map_err(failed)?;
        self.folder.rename(NEXT, &name(number)).map_err(&doing)?;
        // Once it may have its name, going on in the old one would leave a gap.
        self.folder.sync().map_err(failed)
    }

    /// A segment should go, and none is going yet.
    pub(super) fn must_drop(&self, state: &State) -> bool {
        let idle = matches!(state.dropping, Dropping::No) && !state.closed.is_empty();
        self.when_full == WhenFull::DropOldest && idle && self.is_low(state)
    }

    /// In a log that drops, and has reached its size: has the oldest segment's tree computed, on a thread that nobody waits for.
    pub(super) fn remove_oldest_when_full(self: &Arc<Self>, state: &mut State) {
        let now = Instant::now();
        if !self.must_drop(state) || now < state.retry_at || state.stop || state.failed {
            return;
        }
        let mut closed = state.closed.keys();
        let Some(&oldest) = closed.next() else { return };
        let after = *closed.next().unwrap_or(&state.segment.number);
        if after > state.last.size {
            // A checkpoint must cover it first.
            if state.asked == state.answered {
                state.asked += 1;
            }
            return;
        }
        state.dropping = Dropping::Folding;
        let (shared, tree) = (Arc::clone(self), state.dropped.clone());
        let folder = move || {
            let folded = fold(&*shared.folder, oldest, tree).filter(|tree| tree.size() == after);
            let mut state = shared.lock();
            state.dropping = folded.map_or(Dropping::Unreadable, Dropping::Folded);
            shared.keeper.notify_one();
        };
        if std::thread::Builder::new()
            .name("audit-fold".into())
            .spawn(folder)
            .is_err()
        {
            state.dropping = Dropping::No;
            state.retry_at = now + self.limits.anchor_age;
        }
    }

    /// Removes the segments of records below the tree's size; the anchor says already that they are gone.
    pub(super) fn remove_before(&self, tree: &Frontier) -> Result<(), LogError> {
        let gone: Vec<(u64, u64)> = {
            let mut state = self.lock();
            state.dropped = tree.clone();
            state.dropping = Dropping::No;
            let kept = state.closed.split_off(&tree.size());
            let gone = std::mem::replace(&mut state.closed, kept);
            state.closed_len -= gone.values().sum::<u64>();
            state.places = state.places.split_off(&tree.size());
            gone.into_iter().collect()
        };
        for (number, _) in &gone {
            self.folder
                .remove(&name(*number))
                .map_err(LogError::io("remove a segment"))?;
        }
        self.folder.sync().map_err(LogError::io("remove a segment"))?;
        let len = self.shorten_notes(tree.size())?;
        self.lock().last.file_len = len;
        let from = gone.first().map_or(tree.size(), |(number, _)| *number);
        let detail = Detail::default()
            .number("from", from)
            .number("to", tree.size())
            .text("root", tree.root().to_string());
        self.note_event(Event::SegmentDropped, detail);
        Ok(())
    }

    /// Waits at most as long as a stall lasts for the keeper to end.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stop = true;
        self.keeper.notify_one();
        let limit = Instant::now() + self.limits.stall;
        while !state.ended {
            let left = limit.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.callers.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The tree with all lines of a segment added.
fn fold(folder: &dyn Folder, number: u64, mut tree: Frontier) -> Option<Frontier> {
    let file = folder.open(&name(number)).ok()?;
    let mut lines = Lines::new(BufReader::new(Reader::new(file, 0)), Some(number));
    while let Some((line, _)) = lines.next_line().ok()? {
        tree.push(line.leaf());
    }
    Some(tree)
}
