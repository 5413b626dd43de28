//! Sees when the disk does not answer: the one thread that never asks it anything.

use std::sync::PoisonError;

use super::state::{Shared, State};

impl Shared {
    /// Something begins that may hang.
    pub(super) fn be_watched(&self, state: &mut State) {
        if !state.watched {
            state.watched = true;
            self.watch.notify_one();
        }
    }

    /// Runs until the log stops.
    pub(super) fn keep_watch(&self) {
        let mut state = self.lock();
        while !state.ended {
            if !state.watched {
                state = self.watch.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // Not at once: what comes and goes in a moment need not wake this thread each time.
            let waited = self.watch.wait_timeout(state, self.limits.stall / 8);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let oldest = state.keeping.into_iter().chain(state.writing).min();
            match oldest {
                Some(since) if since.elapsed() >= self.limits.stall => {
                    if !state.stalled {
                        state.stalled = true;
                        self.wake_all(state);
                        state = self.lock();
                    }
                }
                Some(_) => (),
                None => state.watched = false,
            }
        }
    }
}
