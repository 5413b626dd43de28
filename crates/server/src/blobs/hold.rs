//! Holds: who copies files says so, and none is removed meanwhile. What was not removed is a file without a row, and goes later.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Names of holds, and when each ends by itself.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    until: Mutex<HashMap<String, Instant>>,
    changed: Notify,
}

impl Holds {
    /// Begins a hold.
    pub(crate) fn begin(&self, name: String, length: Duration) {
        self.set(name, Instant::now() + length);
    }

    /// Makes a hold last longer; says whether it was still there.
    pub(crate) fn renew(&self, name: &str, length: Duration) -> bool {
        let now = Instant::now();
        let there = self.lock().get(name).is_some_and(|until| *until > now);
        if there {
            self.set(name.to_owned(), now + length);
        }
        there
    }

    /// Ends a hold.
    pub(crate) fn release(&self, name: &str) {
        self.lock().remove(name);
        self.changed.notify_one();
    }

    /// Whether anybody holds anything.
    pub(crate) fn active(&self) -> bool {
        self.end().is_some()
    }

    /// Waits until there was a hold, and there is none any more.
    pub(crate) async fn ended(&self) {
        while !self.active() {
            self.changed.notified().await;
        }
        while let Some(end) = self.end() {
            tokio::select! {
                () = self.changed.notified() => {}
                // sleep: until the last hold ends by itself
                () = tokio::time::sleep_until(end.into()) => {}
            }
        }
    }

    fn set(&self, name: String, until: Instant) {
        self.lock().insert(name, until);
        self.changed.notify_one();
    }

    /// When the last hold ends.
    fn end(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut until = self.lock();
        until.retain(|_, end| *end > now);
        until.values().max().copied()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Holds;

    #[tokio::test]
    async fn a_hold_ends_when_released_or_not_renewed() {
        let holds = Holds::default();
        assert!(!holds.active() && !holds.renew("a", Duration::from_secs(9)));
        holds.begin("a".to_owned(), Duration::from_secs(60));
        holds.begin("b".to_owned(), Duration::from_millis(50));
        assert!(holds.active() && holds.renew("a", Duration::from_secs(60)));
        holds.release("a");
        holds.ended().await;
        assert!(
            !holds.active() && !holds.renew("b", Duration::from_secs(9)),
            "b ended by itself"
        );
    }
}
