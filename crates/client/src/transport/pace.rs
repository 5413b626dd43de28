//! How fast blobs go, and how many at once: a limit for everything, and beside it one for each command that asks for its own.
//!
//! A bucket earns its rate and gives it out in the order of asking. What was not used is soon forgotten, so that over any few seconds no more goes
//! than was allowed; what a late timer missed is made up for.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crannog_agent_api::Limits;
use crannog_agent_api::answer::Direction;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Blobs at once unless told.
pub(crate) const AT_ONCE: usize = 6;
/// What was not used for so long is lost.
const MEMORY: Duration = Duration::from_millis(50);
/// A piece takes this part of a second.
const PIECES: u64 = 64;
const PIECE_MAX: u64 = 256 * 1024;
/// A line of its own is worth it for so many bytes a second: a server does not wait for a blob for ever.
const LINE: u64 = 512 * 1024;
/// The rate is what was moved in so long.
const WINDOW: Duration = Duration::from_secs(10);

/// A limit each way.
#[derive(Debug)]
pub(crate) struct Limit {
    up: Side,
    down: Side,
    moved: Mutex<VecDeque<(Instant, u64)>>,
}

#[derive(Debug)]
struct Side {
    bucket: Mutex<Bucket>,
    at_once: Arc<Semaphore>,
    /// What `at_once` was made for.
    size: Mutex<usize>,
}

#[derive(Debug)]
struct Bucket {
    rate: Option<NonZeroU64>,
    /// When all that was asked for is earned.
    earned: Instant,
}

impl Default for Limit {
    fn default() -> Self {
        Self::new(&Limits::default())
    }
}

impl Limit {
    pub(crate) fn new(limits: &Limits) -> Self {
        let limit = Self {
            up: Side::new(),
            down: Side::new(),
            moved: Mutex::default(),
        };
        limit.set(limits);
        limit
    }

    /// Another limit from now on.
    pub(crate) fn set(&self, limits: &Limits) {
        let at_once = limits.transfers.map_or(AT_ONCE, |number| number as usize);
        self.up.set(limits.bandwidth.up, at_once);
        self.down.set(limits.bandwidth.down, at_once);
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }

    fn note(&self, bytes: u64) {
        let now = Instant::now();
        let mut moved = lock(&self.moved);
        match moved.back_mut() {
            Some((time, sum)) if now - *time < WINDOW / 100 => *sum += bytes,
            _ => moved.push_back((now, bytes)),
        }
        while moved.front().is_some_and(|(time, _)| now - *time > WINDOW) {
            moved.pop_front();
        }
    }

    /// Bytes a second of late.
    pub(crate) fn rate(&self, since: Instant) -> u64 {
        let now = Instant::now();
        let moved = lock(&self.moved);
        let recent = moved.iter().filter(|(time, _)| now - *time <= WINDOW);
        let bytes: u64 = recent.map(|(_, bytes)| bytes).sum();
        let span = (now - since).clamp(Duration::from_millis(100), WINDOW);
        (u128::from(bytes) * 1000 / span.as_millis()) as u64
    }
}

impl Side {
    fn new() -> Self {
        Self {
            bucket: Mutex::new(Bucket {
                rate: None,
                earned: Instant::now(),
            }),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            size: Mutex::new(AT_ONCE),
        }
    }

    fn set(&self, rate: Option<NonZeroU64>, at_once: usize) {
        lock(&self.bucket).rate = rate;
        let worth = rate.map_or(usize::MAX, |rate| {
            usize::try_from(rate.get() / LINE).unwrap_or(usize::MAX)
        });
        let wanted = at_once.min(worth).max(1);
        let mut size = lock(&self.size);
        if wanted > *size {
            self.at_once.add_permits(wanted - *size);
        } else {
            self.at_once.forget_permits(*size - wanted);
        }
        *size = wanted;
    }
}

impl Bucket {
    /// When so many bytes are earned.
    fn reserve(&mut self, bytes: u64, now: Instant) -> Option<Instant> {
        let rate = self.rate?;
        let floor = now.checked_sub(MEMORY).unwrap_or(now);
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.get());
        self.earned = self.earned.max(floor) + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        Some(self.earned)
    }
}

/// The limits that some blobs keep to; a command's own come before the agent's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(Vec<Arc<Limit>>);

impl Pace {
    /// Nothing but this limit.
    pub(crate) fn of(limit: Arc<Limit>) -> Self {
        Self(vec![limit])
    }

    /// The same, within a further limit.
    pub(crate) fn within(&self, own: Arc<Limit>) -> Self {
        Self(std::iter::once(own).chain(self.0.iter().cloned()).collect())
    }

    /// Waits until one more blob may be under way. Asked for in one order by all, so that nobody waits for one who waits for her.
    pub(super) async fn enter(&self, direction: Direction) -> Vec<OwnedSemaphorePermit> {
        let mut permits = Vec::with_capacity(self.0.len());
        for limit in &self.0 {
            let at_once = Arc::clone(&limit.side(direction).at_once);
            // Never closed.
            permits.extend(at_once.acquire_owned().await.ok());
        }
        permits
    }

    /// How many bytes to move at a time; `None`: all.
    pub(super) fn piece(&self, direction: Direction) -> Option<usize> {
        let rates = self
            .0
            .iter()
            .filter_map(|limit| lock(&limit.side(direction).bucket).rate);
        let piece = (rates.min()?.get() / PIECES).clamp(1, PIECE_MAX);
        Some(usize::try_from(piece).unwrap_or(usize::MAX))
    }

    /// When a piece is earned everywhere; `None`: it is.
    pub(super) fn reserve(&self, direction: Direction, bytes: usize) -> Option<Instant> {
        let now = Instant::now();
        let earned = self.0.iter().filter_map(|limit| {
            let mut bucket = lock(&limit.side(direction).bucket);
            bucket.reserve(bytes as u64, now)
        });
        earned.max().filter(|earned| *earned > now)
    }

    /// So many bytes have moved.
    pub(super) fn moved(&self, bytes: usize) {
        self.0.iter().for_each(|limit| limit.note(bytes as u64));
    }
}

/// A panic elsewhere leaves numbers in order.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crannog_agent_api::answer::Direction::{Down, Up};
    use crannog_agent_api::{Bandwidth, Limits};
    use tokio::time::{Instant, sleep_until};

    use super::{Limit, Pace};

    fn limit(rate: &str) -> Arc<Limit> {
        let bandwidth: Bandwidth = rate.parse().unwrap();
        Arc::new(Limit::new(&Limits {
            bandwidth,
            transfers: None,
        }))
    }

    async fn take(pace: Pace, mut bytes: usize) {
        while bytes > 0 {
            let piece = pace.piece(Up).unwrap_or(bytes).min(bytes);
            if let Some(earned) = pace.reserve(Up, piece) {
                // sleep: virtual
                sleep_until(earned).await;
            }
            pace.moved(piece);
            bytes -= piece;
        }
    }

    /// Seconds that some takers need beside each other.
    async fn seconds(paces: Vec<Pace>, bytes: usize) -> f64 {
        let start = Instant::now();
        let takers: Vec<_> = paces
            .into_iter()
            .map(|pace| tokio::spawn(take(pace, bytes)))
            .collect();
        for taker in takers {
            taker.await.unwrap();
        }
        start.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_holds_whoever_shares_it() {
        for rate in ["16K", "100K", "8M", "500M"] {
            let pace = Pace::of(limit(rate));
            let bandwidth: Bandwidth = rate.parse().unwrap();
            let all = usize::try_from(bandwidth.up.unwrap().get()).unwrap() * 3;
            for takers in [1, 6] {
                let took = seconds(vec![pace.clone(); takers], all / takers).await;
                assert!((2.9..3.1).contains(&took), "{rate}, {takers}: {took}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_narrower_of_two_counts_and_only_for_its_own() {
        let all = Pace::of(limit("8M"));
        let own = all.within(limit("1M"));
        let took = seconds(vec![own.clone()], 3 << 20).await;
        assert!((2.9..3.1).contains(&took), "{took}");
        let start = Instant::now();
        let slow = tokio::spawn(take(own, 3 << 20));
        take(all, 21 << 20).await;
        let rest = start.elapsed().as_secs_f64();
        slow.await.unwrap();
        assert!((2.8..3.1).contains(&rest), "{rest}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_is_not_saved_up() {
        let pace = Pace::of(limit("1M"));
        take(pace.clone(), 1 << 20).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        let took = seconds(vec![pace], 1 << 20).await;
        assert!((0.9..1.1).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_is_not_divided() {
        let pace = Pace::of(limit("16K:off"));
        let _one = pace.enter(Up).await;
        assert!(
            tokio::time::timeout(Duration::from_secs(1), pace.enter(Up))
                .await
                .is_err()
        );
        let downs = [pace.enter(Down).await, pace.enter(Down).await];
        assert!(pace.piece(Down).is_none() && downs.iter().all(|permits| permits.len() == 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_that_of_the_last_seconds() {
        let limit = limit("1M");
        let since = Instant::now();
        take(Pace::of(Arc::clone(&limit)), 20 << 20).await;
        let rate = limit.rate(since) as f64;
        assert!((0.95..1.05).contains(&(rate / f64::from(1 << 20))), "{rate}");
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(limit.rate(since), 0);
    }
}
