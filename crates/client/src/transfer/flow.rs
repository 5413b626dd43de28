//! What all blobs of one transfer go through: its limits, its pause, its counters.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crannog_agent_api::answer::Progress;
use crannog_agent_api::{Event, Limits};
use rusqlite::Connection;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::db::{DbError, Unfinished};
use crate::engine::Cancel;
use crate::shared::Shared;
use crate::transport::{AT_ONCE, Limit, Transport};

/// Files and bytes, done and in all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) files: Arc<AtomicU64>,
    pub(crate) bytes: Arc<AtomicU64>,
    pub(crate) files_total: Arc<AtomicU64>,
    pub(crate) bytes_total: Arc<AtomicU64>,
}

impl Counts {
    /// Bytes done, and in all as far as known.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let done = self.bytes.load(Ordering::Relaxed);
        (done, self.bytes_total.load(Ordering::Relaxed).max(done))
    }

    /// What is told of them.
    pub(crate) fn event(&self, phase: &str) -> Event {
        Event::Progress(Progress {
            phase: phase.to_owned(),
            files: self.files.load(Ordering::Relaxed),
            files_total: self.files_total.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_total: self.bytes_total.load(Ordering::Relaxed),
        })
    }

    /// From the beginning.
    pub(crate) fn reset(&self) {
        for count in [&self.files, &self.bytes, &self.files_total, &self.bytes_total] {
            count.store(0, Ordering::Relaxed);
        }
    }
}

/// The way of one transfer's blobs.
pub(crate) struct Flow {
    /// Keeps to the transfer's limits.
    pub(crate) transport: Transport,
    /// Blobs that may wait in memory to be sent.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) counts: Counts,
    /// Among those that can go on when they are cut.
    pub(crate) kept: Option<u64>,
    limit: Arc<Limit>,
    since: Instant,
    paused: watch::Sender<bool>,
    /// Its command was asked to stop: what is left to do is not held up.
    stopping: Arc<Cancel>,
    /// It ends, and nothing is kept of it.
    cancelled: Cancel,
    /// Part files in the making that stay when it is cut.
    parts: Mutex<HashSet<PathBuf>>,
}

impl Flow {
    pub(crate) fn new(
        shared: &Shared,
        limits: &Limits,
        stopping: Arc<Cancel>,
        kept: Option<u64>,
    ) -> Arc<Self> {
        let limit = Arc::new(Limit::new(limits));
        let at_once = limits.transfers.map_or(AT_ONCE, |number| number as usize);
        Arc::new(Self {
            transport: shared.transport.within(Arc::clone(&limit)),
            permits: Arc::new(Semaphore::new(at_once)),
            counts: Counts::default(),
            kept,
            limit,
            since: Instant::now(),
            paused: watch::Sender::new(false),
            stopping,
            cancelled: Cancel::default(),
            parts: Mutex::default(),
        })
    }

    /// Of work that is no transfer of its own: nobody pauses it, and only the limit for all holds.
    pub(crate) fn plain(shared: &Shared) -> Arc<Self> {
        Self::new(shared, &Limits::default(), Arc::default(), None)
    }

    /// Bytes a second of late, as they were on the line.
    pub(crate) fn rate(&self) -> u64 {
        self.limit.rate(self.since)
    }

    pub(crate) fn is_paused(&self) -> bool {
        *self.paused.borrow()
    }

    /// True if this changed anything.
    pub(crate) fn pause(&self, paused: bool) -> bool {
        self.paused.send_replace(paused) != paused
    }

    /// Wakes whenever it is paused or goes on.
    pub(crate) fn pauses(&self) -> watch::Receiver<bool> {
        self.paused.subscribe()
    }

    /// Before a blob is begun: waits while the transfer stands still.
    pub(crate) async fn pass(&self) {
        let mut paused = self.paused.subscribe();
        tokio::select! {
            // The sender lives as long as `self`.
            _ = paused.wait_for(|paused| !paused) => {}
            () = self.stopping.cancelled() => {}
        }
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// Waits until somebody ends it.
    pub(crate) async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// Notes, within a transaction that is made anyway, how far it is. False if nothing is to be kept of it any more.
    pub(crate) fn note(&self, connection: &Connection) -> Result<bool, DbError> {
        if self.cancelled.is_cancelled() {
            return Ok(false);
        }
        if let Some(id) = self.kept {
            let (bytes, total) = self.counts.bytes();
            Unfinished(connection).advance(id, bytes, total)?;
        }
        Ok(true)
    }

    /// A part file is begun.
    pub(crate) fn part_begins(&self, path: &Path) {
        self.parts().insert(path.to_owned());
    }

    /// It took its place.
    pub(crate) fn part_ends(&self, path: &Path) {
        self.parts().remove(path);
    }

    /// Those that were left.
    pub(crate) fn take_parts(&self) -> Vec<PathBuf> {
        self.parts().drain().collect()
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
