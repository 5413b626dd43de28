//! Counts by size, with limits that never change.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many values were at most this, and their sum.
#[derive(Debug)]
pub(crate) struct Histogram {
    limits: &'static [f64],
    /// One for each limit, and one for what is beyond.
    counts: Vec<AtomicU64>,
    /// In millionths.
    sum: AtomicU64,
}

impl Histogram {
    /// With these limits, ascending.
    pub(super) fn new(limits: &'static [f64]) -> Self {
        Self {
            limits,
            counts: (0..=limits.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Adds a value, which is not negative.
    pub(crate) fn record(&self, value: f64) {
        let at = self.limits.iter().position(|limit| value <= *limit);
        if let Some(count) = self.counts.get(at.unwrap_or(self.limits.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative; what is too large stays at the largest"
        )]
        self.sum.fetch_add((value * 1e6) as u64, Ordering::Relaxed);
    }

    /// Limit and number of values up to it, for each limit; then the number of all, and their sum.
    pub(super) fn read(&self) -> (Vec<(f64, u64)>, u64, f64) {
        let mut total = 0;
        let mut counts = self.counts.iter().map(|count| {
            total += count.load(Ordering::Relaxed);
            total
        });
        let rows: Vec<_> = self.limits.iter().copied().zip(counts.by_ref()).collect();
        let all = counts.next().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a sum of seconds for people")]
        let sum = self.sum.load(Ordering::Relaxed) as f64 / 1e6;
        (rows, all, sum)
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn values_are_counted_up_to_each_limit() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 9.0] {
            histogram.record(value);
        }
        let (rows, all, sum) = histogram.read();
        assert_eq!((rows, all), (vec![(1.0, 2), (2.0, 3)], 4));
        assert!((sum - 12.0).abs() < 1e-6);
    }
}
