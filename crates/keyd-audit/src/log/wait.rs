//! Waiting for the disk without a thread.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::error::LogError;
use super::state::{Shared, State};

/// Tasks to wake when something became durable, or cannot.
#[derive(Default)]
pub(super) struct Waiters {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Waiters {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.wakers.len()
    }

    /// All of them, to be [woken](wake) without the lock: a waker is others' code. Who is not satisfied comes back.
    pub(super) fn take(&mut self) -> BTreeMap<u64, Waker> {
        std::mem::take(&mut self.wakers)
    }
}

/// Lets everybody look again.
pub(super) fn wake(waiters: BTreeMap<u64, Waker>) {
    waiters.into_values().for_each(Waker::wake);
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// The first records of this number are on disk.
    Synced(u64),
    /// And an anchor that counts them.
    Anchored(u64),
    /// There are more synced records than this; nobody need hurry.
    Growth(u64),
}

/// Waits; dropping it ends the waiting and nothing else.
pub(super) struct Wait<'a> {
    shared: &'a Shared,
    what: For,
    /// Its place among the waiters.
    ticket: Option<u64>,
    /// The round that was under way when waiting began: what it fails to do was not asked by this one.
    round: Option<u64>,
}

impl<'a> Wait<'a> {
    pub(super) fn new(shared: &'a Shared, what: For) -> Self {
        Self {
            shared,
            what,
            ticket: None,
            round: None,
        }
    }
}

impl Future for Wait<'_> {
    type Output = Result<(), LogError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = self.shared;
        let ticket = self.ticket.take();
        // Declared before the lock, and so dropped after it.
        let _former: Option<Waker>;
        let mut state = shared.lock();
        let round = *self.round.get_or_insert(state.round);
        _former = ticket.and_then(|ticket| state.waiters.wakers.remove(&ticket));
        if let Some(result) = judge(&state, self.what, round) {
            return Poll::Ready(result);
        }
        let ticket = state.waiters.next;
        state.waiters.next += 1;
        state.waiters.wakers.insert(ticket, context.waker().clone());
        self.ticket = Some(ticket);
        let hurry = match self.what {
            For::Synced(_) => !std::mem::replace(&mut state.want_sync, true),
            For::Anchored(_) => !std::mem::replace(&mut state.want_anchor, true),
            For::Growth(_) => false,
        };
        if hurry {
            shared.keeper.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let waker = self.shared.lock().waiters.wakers.remove(&ticket);
            drop(waker);
        }
    }
}

fn judge(state: &State, what: For, round: u64) -> Option<Result<(), LogError>> {
    let reached = match what {
        For::Synced(size) => state.synced >= size,
        For::Anchored(size) => state.anchored >= size,
        For::Growth(size) => state.synced > size,
    };
    if reached {
        return Some(Ok(()));
    }
    if let (For::Anchored(_), Some((failed, kind))) = (what, state.anchor_failed)
        && failed > round
    {
        return Some(Err(LogError::Anchor(kind)));
    }
    state.refusal().err().map(Err)
}
