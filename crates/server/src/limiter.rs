//! Token buckets, in memory: per address where nobody is known yet, per session afterwards.

use std::collections::HashMap;
use std::hash::Hash as StdHash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Buckets remembered; full ones are forgotten first, for they say nothing.
const REMEMBERED: usize = 65_536;

/// One bucket per key.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    size: f64,
    per_second: f64,
    buckets: Mutex<HashMap<K, (f64, Instant)>>,
}

impl<K: Eq + StdHash> Buckets<K> {
    /// `amount` in `seconds`, which may come all at once.
    pub(crate) fn new(amount: u32, seconds: f64) -> Self {
        let size = f64::from(amount.max(1));
        Self {
            size,
            per_second: size / seconds,
            buckets: Mutex::new(HashMap::new()),
        }
    }

    /// Takes one; else says after how many seconds to try again.
    pub(crate) fn take(&self, key: K, now: Instant) -> Result<(), u32> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let level = |(left, at): &(f64, Instant)| {
            (left + now.saturating_duration_since(*at).as_secs_f64() * self.per_second).min(self.size)
        };
        if buckets.len() >= REMEMBERED {
            buckets.retain(|_, bucket| level(bucket) < self.size);
        }
        if buckets.len() >= REMEMBERED && !buckets.contains_key(&key) {
            return Err(1);
        }
        let bucket = buckets.entry(key).or_insert((self.size, now));
        let left = level(bucket);
        if left < 1.0 {
            *bucket = (left, now);
            let wait = ((1.0 - left) / self.per_second).ceil();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a small positive number"
            )]
            return Err((wait as u32).max(1));
        }
        *bucket = (left - 1.0, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Buckets;

    #[test]
    fn a_bucket_empties_and_fills() {
        let (buckets, start) = (Buckets::new(2, 60.0), Instant::now());
        assert_eq!(buckets.take("a", start), Ok(()));
        assert_eq!(buckets.take("a", start), Ok(()));
        assert_eq!(buckets.take("a", start), Err(30));
        assert_eq!(buckets.take("b", start), Ok(()));
        assert_eq!(buckets.take("a", start + Duration::from_secs(31)), Ok(()));
    }
}
