//! The thread that makes things durable: one round after another of sync, checkpoint, anchor, rotation and removal.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::error::LogError;
use super::publish::Publisher;
use super::state::{Dropping, LastCheckpoint, Shared, State};
use super::wait::wake;
use crate::anchor::Anchor;
use crate::folder::File;
use crate::note::{Checkpoint, SignedNote};
use crate::record::{Detail, Event, Record, Time};
use crate::tree::Frontier;

/// What a round is about: the log at the moment in which it began.
struct Round {
    tree: Frontier,
    file: Arc<dyn File>,
    segment: u64,
    offset: u64,
    sync: bool,
    anchor: bool,
    /// The call for a checkpoint that is answered, whoever made it.
    checkpoint: Option<u64>,
    rotate: bool,
    /// The tree up to which segments can be removed.
    drop: Option<Frontier>,
    last: LastCheckpoint,
}

impl Shared {
    /// Runs until the log stops, and then makes durable what is not.
    pub(super) fn keep(self: &Arc<Self>, publisher: &mut Publisher) {
        while let Some(round) = self.next_round() {
            let done = self.perform(&round, publisher);
            let mut state = self.lock();
            state.keeping = None;
            state.stalled &= state.writing.is_some();
            if done.is_err() {
                state.retry_at = Instant::now() + self.limits.anchor_age;
            }
            if let Some(asked) = round.checkpoint {
                state.answered = asked;
            }
            self.wake_all(state);
        }
        let mut state = self.lock();
        state.ended = true;
        self.wake_all(state);
        self.watch.notify_one();
    }

    /// Waits for something to do.
    fn next_round(self: &Arc<Self>) -> Option<Round> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            self.remove_oldest_when_full(&mut state);
            let round = self.due(&state, now);
            let anything = round.sync || round.anchor || round.checkpoint.is_some();
            if state.failed {
                if state.stop {
                    return None;
                }
                state = self.keeper.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if anything || round.rotate || round.drop.is_some() {
                state.keeping = Some(now);
                state.round += 1;
                (state.want_sync, state.want_anchor) = (false, false);
                if round.sync {
                    state.unsynced = None;
                }
                self.be_watched(&mut state);
                return Some(round);
            } else if state.stop {
                return None;
            } else {
                state = match self.next_moment(&state) {
                    Some(moment) => {
                        let wait = moment.saturating_duration_since(now);
                        let waited = self.keeper.wait_timeout(state, wait);
                        waited.unwrap_or_else(PoisonError::into_inner).0
                    }
                    None => self.keeper.wait(state).unwrap_or_else(PoisonError::into_inner),
                };
            }
        }
    }

    /// What is to be done now.
    fn due(&self, state: &State, now: Instant) -> Round {
        let size = state.tree.size();
        let may = now >= state.retry_at || state.stop;
        let asked = state.asked > state.answered;
        let many = state.since_checkpoint >= self.limits.checkpoint_records;
        let old = state.since_checkpoint > 0 && now >= state.checkpoint_at + self.limits.checkpoint_age;
        let checkpoint = asked || (may && (many || old) && !state.stop);
        let unanchored = size > state.anchored;
        let anchor = unanchored
            && (state.want_anchor || state.stop || now >= state.anchor_at + self.limits.anchor_age)
            && (may || state.want_anchor);
        let drop = match &state.dropping {
            Dropping::Folded(tree) if may && !state.stop => Some(tree.clone()),
            _ => None,
        };
        let waiting = state
            .unsynced
            .is_some_and(|since| state.want_sync || state.stop || now >= since + self.limits.group);
        // A final round whose anchor failed is the last one all the same.
        let given_up = state.stop && state.anchor_failed.is_some_and(|(round, _)| round == state.round);
        Round {
            tree: state.tree.clone(),
            file: state.segment.file.clone(),
            segment: state.segment.number,
            offset: state.segment.len,
            // An anchor must not count what is not on disk.
            sync: size > state.synced && (waiting || anchor || checkpoint || drop.is_some()),
            anchor: anchor && !given_up,
            checkpoint: checkpoint.then_some(state.asked),
            rotate: state.rotate && may && !state.stop && state.segment.len > 0,
            drop,
            last: state.last.clone(),
        }
    }

    /// When the next thing is due, if nothing happens meanwhile.
    fn next_moment(&self, state: &State) -> Option<Instant> {
        let sync = state.unsynced.map(|since| since + self.limits.group);
        let anchor = (state.tree.size() > state.anchored)
            .then(|| (state.anchor_at + self.limits.anchor_age).max(state.retry_at));
        let checkpoint = (state.since_checkpoint > 0)
            .then(|| (state.checkpoint_at + self.limits.checkpoint_age).max(state.retry_at));
        let many = state.since_checkpoint >= self.limits.checkpoint_records;
        let folded = matches!(state.dropping, Dropping::Folded(_));
        let again = (state.rotate || many || folded || self.must_drop(state)).then_some(state.retry_at);
        [sync, anchor, checkpoint, again].into_iter().flatten().min()
    }

    fn perform(self: &Arc<Self>, round: &Round, publisher: &mut Publisher) -> Result<(), LogError> {
        if round.sync {
            self.sync(round)?;
        }
        let mut last = round.last.clone();
        let mut made = None;
        let mut result = Ok(());
        if round.checkpoint.is_some() {
            let answer = self.checkpoint_now(round, &mut last, &mut made);
            result = answer.as_ref().map(|_| ()).map_err(|error| *error);
            let mut state = self.lock();
            state.answer = answer;
            state.checkpoint_at = Instant::now();
        }
        let mut anchored = Ok(());
        if round.anchor || round.drop.is_some() || made.is_some() {
            anchored = self.anchor(round, &last);
        }
        if let Some(note) = made {
            self.tell(&last, note, publisher);
        }
        anchored?;
        if let Some(tree) = &round.drop {
            self.remove_before(tree)?;
        }
        if round.rotate {
            self.rotate()?;
        }
        self.measure();
        result
    }

    fn sync(&self, round: &Round) -> Result<(), LogError> {
        if round.file.sync().is_err() {
            self.fail();
            return Err(LogError::Failed);
        }
        let mut state = self.lock();
        state.synced = state.synced.max(round.tree.size());
        let waiters = state.waiters.take();
        drop(state);
        wake(waiters);
        Ok(())
    }

    /// The checkpoint of this round, signed only after its records are on disk: a signature cannot be taken back.
    fn checkpoint_now(
        &self,
        round: &Round,
        last: &mut LastCheckpoint,
        made: &mut Option<SignedNote>,
    ) -> Result<SignedNote, LogError> {
        if let (Some(note), true) = (&last.note, last.size == round.tree.size()) {
            return Ok(note.clone());
        }
        let checkpoint = Checkpoint {
            origin: self.key.name().to_owned(),
            size: round.tree.size(),
            root: round.tree.root(),
        };
        let note = checkpoint.sign(&*self.signer).map_err(|_| LogError::Origin)?;
        let text = note.to_string();
        self.append_note(&text, last.file_len)?;
        *last = LastCheckpoint {
            size: checkpoint.size,
            root: checkpoint.root,
            note: Some(note.clone()),
            file_len: last.file_len + text.len() as u64,
        };
        *made = Some(note.clone());
        let mut state = self.lock();
        state.last = last.clone();
        state.since_checkpoint = 0;
        Ok(note)
    }

    fn anchor(&self, round: &Round, last: &LastCheckpoint) -> Result<(), LogError> {
        let (counter, dropped) = {
            let mut state = self.lock();
            state.counter += 1;
            (state.counter, state.dropped.clone())
        };
        let dropped = round.drop.as_ref().unwrap_or(&dropped);
        let anchor = Anchor {
            counter,
            size: round.tree.size(),
            root: round.tree.root(),
            frontier: round.tree.roots().to_vec(),
            segment: round.segment,
            offset: round.offset,
            checkpoint: last.size,
            checkpoint_root: last.root,
            dropped: dropped.size(),
            dropped_frontier: dropped.roots().to_vec(),
        };
        let saved = self.anchors.save(&anchor);
        let mut state = self.lock();
        state.anchor_at = Instant::now();
        match saved {
            Ok(()) => {
                state.anchored = state.anchored.max(anchor.size);
                state.anchor_failed = None;
                let waiters = state.waiters.take();
                drop(state);
                wake(waiters);
                Ok(())
            }
            Err(error) => {
                state.anchor_failed = Some((state.round, error.kind()));
                Err(LogError::Anchor(error.kind()))
            }
        }
    }

    /// The checkpoint goes to the other places, and into the log itself.
    fn tell(&self, last: &LastCheckpoint, note: SignedNote, publisher: &mut Publisher) {
        publisher.publish(last.size, note);
        let detail = Detail::default()
            .number("size", last.size)
            .text("root", last.root.to_string());
        self.note_event(Event::Checkpoint, detail);
    }

    /// An event of the log's own. If there is no room for it, what it tells is in the anchor and in the file of checkpoints.
    pub(super) fn note_event(&self, event: Event, detail: Detail<'_>) {
        let record = Record::new(Time::now(), event).with_detail(detail);
        let _ = self.append(&record);
    }

    fn measure(&self) {
        if let Ok(free) = self.folder.free() {
            self.lock().free = free;
        }
    }
}
