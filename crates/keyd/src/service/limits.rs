//! Everybody's share (KEY-015): requests a second, and slow requests at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crannog_keyd_client::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::caller::Share;

/// Who is remembered at once; beyond it, those who have waited longest are forgotten, which does them no harm.
const REMEMBERED: usize = 4_096;

/// Requests a second, by token bucket (as many at once as in a second).
pub(super) struct Rate {
    per_second: f64,
    buckets: Mutex<HashMap<Share, (f64, Instant)>>,
}

impl Rate {
    /// `0` is any number.
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second: f64::from(per_second),
            buckets: Mutex::default(),
        }
    }

    /// Takes one, or says how long to wait.
    pub(super) fn take(&self, share: Share, now: Instant) -> Result<(), Duration> {
        if self.per_second == 0.0 {
            return Ok(());
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut buckets, |(_, at)| {
            now.duration_since(*at) < Duration::from_secs(1)
        });
        let (left, at) = buckets.entry(share).or_insert((self.per_second, now));
        let refilled = *left + now.duration_since(*at).as_secs_f64() * self.per_second;
        (*left, *at) = (refilled.min(self.per_second), now);
        if *left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - *left) / self.per_second));
        }
        *left -= 1.0;
        Ok(())
    }
}

/// For a processor no request waits longer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Slow requests at once: so many of one subject, and of all together as many as there are processors.
pub(super) struct Slow {
    most: usize,
    all: Arc<Semaphore>,
    mine: Mutex<HashMap<Share, Arc<Semaphore>>>,
}

/// The right to be slow; given back when it is dropped.
pub(super) struct SlowTurn {
    _mine: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Slow {
    pub(super) fn new(most: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            most,
            all: Arc::new(Semaphore::new(processors)),
            mine: Mutex::default(),
        }
    }

    /// Refused beyond the subject's own share; waits for a processor.
    pub(super) async fn take(&self, share: Share) -> Result<SlowTurn, Refusal> {
        let mine = self.of(share);
        let full = || Refusal::too_many(Duration::from_secs(1));
        let mine = mine.try_acquire_owned().map_err(|_| full())?;
        let all = tokio::time::timeout(LONGEST_WAIT, self.all.clone().acquire_owned()).await;
        let all = all.map_err(|_| full())?.map_err(|_| full())?;
        Ok(SlowTurn {
            _mine: mine,
            _all: all,
        })
    }

    fn of(&self, share: Share) -> Arc<Semaphore> {
        let mut mine = self.mine.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut mine, |semaphore| semaphore.available_permits() < self.most);
        let semaphore = mine
            .entry(share)
            .or_insert_with(|| Arc::new(Semaphore::new(self.most)));
        semaphore.clone()
    }
}

/// At most one notice per subject and second, with how many were left out before it.
#[derive(Default)]
pub(super) struct Notices(Mutex<HashMap<Share, (Instant, u64)>>);

impl Notices {
    /// How many there were since the last notice, this one with them, if another may be given now.
    pub(super) fn due(&self, share: Share, now: Instant) -> Option<u64> {
        let mut notices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut notices, |(at, _)| {
            now.duration_since(*at) < Duration::from_secs(1)
        });
        match notices.get_mut(&share) {
            Some((at, count)) if now.duration_since(*at) < Duration::from_secs(1) => {
                *count += 1;
                None
            }
            Some((at, count)) => {
                *at = now;
                Some(std::mem::take(count) + 1)
            }
            None => {
                notices.insert(share, (now, 0));
                Some(1)
            }
        }
    }
}

fn make_room<K: Eq + Hash, V>(map: &mut HashMap<K, V>, keep: impl Fn(&V) -> bool) {
    if map.len() >= REMEMBERED {
        map.retain(|_, value| keep(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HER: Share = Share::Certificate([1; 32]);
    const HIM: Share = Share::Account([1; 32]);

    #[test]
    fn one_subject_does_not_use_up_what_is_anothers() {
        let (rate, start) = (Rate::new(2), Instant::now());
        assert!(rate.take(HER, start).is_ok() && rate.take(HER, start).is_ok());
        let wait = rate.take(HER, start).unwrap_err();
        assert!(rate.take(HIM, start).is_ok());
        assert!(rate.take(HER, start + wait).is_ok());
        assert!(rate.take(HER, start + wait).is_err());
    }

    #[test]
    fn a_notice_is_given_once_a_second_and_counts_the_others() {
        let (notices, start) = (Notices::default(), Instant::now());
        assert_eq!(notices.due(HER, start), Some(1));
        assert_eq!(notices.due(HER, start), None);
        assert_eq!(notices.due(HIM, start), Some(1));
        assert_eq!(notices.due(HER, start + Duration::from_secs(1)), Some(2));
    }
}
