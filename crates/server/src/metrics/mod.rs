//! What the operator's Prometheus may know: counts and durations of the whole server. No label ever names an account or a journal.

mod histogram;
mod listen;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub(crate) use histogram::Histogram;
pub(crate) use listen::serve;
pub(crate) use text::page;

/// Seconds of requests.
const LATENCIES: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0];
/// Seconds of syncs.
const SYNCS: &[f64] = &[0.0001, 0.001, 0.005, 0.02, 0.1, 0.5, 2.0];
/// Changes of one transaction.
const BATCHES: &[f64] = &[1.0, 2.0, 4.0, 16.0, 64.0, 256.0];

/// A kind of request: method, route as in the table of routes, status.
type Kind = (&'static str, String, u16);

/// Counted in memory; gone when the server stops.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<Kind, u64>>,
    latencies: Mutex<BTreeMap<String, Histogram>>,
    /// Bytes that came in, below TLS's encryption.
    pub(crate) received: AtomicU64,
    /// Bytes that went out.
    pub(crate) sent: AtomicU64,
    connections: AtomicI64,
    watchers: AtomicI64,
    /// Changes of one transaction of the database.
    pub(crate) batches: Histogram,
    /// Seconds of its commits, which sync the log.
    pub(crate) commits: Histogram,
    /// Seconds of syncs of files and folders of blobs.
    pub(crate) syncs: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Mutex::default(),
            latencies: Mutex::default(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            connections: AtomicI64::new(0),
            watchers: AtomicI64::new(0),
            batches: Histogram::new(BATCHES),
            commits: Histogram::new(SYNCS),
            syncs: Histogram::new(SYNCS),
        }
    }
}

/// Counts one more as long as it lives.
#[derive(Debug)]
pub(crate) struct Present<'a>(&'a AtomicI64);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn present(count: &AtomicI64) -> Present<'_> {
    count.fetch_add(1, Ordering::Relaxed);
    Present(count)
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let kind = (method, route.to_owned(), status);
        *lock(&self.requests).entry(kind).or_default() += 1;
        lock(&self.latencies)
            .entry(route.to_owned())
            .or_insert_with(|| Histogram::new(LATENCIES))
            .record(took.as_secs_f64());
    }

    /// A connection whose handshake is done.
    pub(crate) fn connection(&self) -> Present<'_> {
        present(&self.connections)
    }

    /// A client that listens to the bell.
    pub(crate) fn watcher(&self) -> Present<'_> {
        present(&self.watchers)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
