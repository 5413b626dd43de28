//! The one thread that writes. It drains its queue into one transaction, a savepoint each, and answers after the commit.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::failed;
use crate::metrics::Metrics;
use crate::store::StoreError;

/// Most changes of one transaction.
const GROUP: usize = 256;

type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Work = Box<dyn FnOnce(&Connection) -> (bool, Answer) + Send>;

/// Whether an answer promises that the change survives the power's loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// It survives.
    Durable,
    /// It may be lost, as a whole.
    Staged,
}

struct Job {
    promise: Promise,
    work: Work,
}

/// Hands changes to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let (queue, jobs) = channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(connection, &jobs, &metrics))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Runs `change` in a savepoint of the next transaction.
    pub(super) async fn write<T, F>(&self, promise: Promise, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let result = change(connection);
            let keep = result.is_ok();
            let answer: Answer = Box::new(move |commit| {
                // Nobody may be waiting any more; the change stands all the same.
                let _ = sender.send(commit.and(result));
            });
            (keep, answer)
        });
        {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = queue.as_ref().ok_or(StoreError::Closed)?;
            queue
                .send(Job { promise, work })
                .map_err(|_| StoreError::Closed)?;
        }
        receiver.await.map_err(|_| StoreError::Closed)?
    }

    /// Ends the thread after what is queued; blocks.
    pub(super) fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's writer ended badly");
        }
    }
}

fn run(connection: Connection, jobs: &Receiver<Job>, metrics: &Metrics) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        group.extend(std::iter::from_fn(|| jobs.try_recv().ok()).take(GROUP - 1));
        commit(&connection, group, metrics);
    }
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(error = %error, "the database's log could not be folded in at the end; the next start does it");
    }
}

fn commit(connection: &Connection, group: Vec<Job>, metrics: &Metrics) {
    metrics
        .batches
        .record(f64::from(u32::try_from(group.len()).unwrap_or(u32::MAX)));
    let durable = group.iter().any(|job| job.promise == Promise::Durable);
    let begin = if durable {
        "PRAGMA synchronous = FULL; BEGIN IMMEDIATE"
    } else {
        "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE"
    };
    let mut broken = connection.execute_batch(begin).err();
    let mut answers = Vec::with_capacity(group.len());
    for job in group {
        if broken.is_none() {
            broken = connection.execute_batch("SAVEPOINT change").err();
        }
        if broken.is_some() {
            break;
        }
        let (keep, answer) = (job.work)(connection);
        answers.push(answer);
        // A full disk makes SQLite roll the whole transaction back: then nobody's change stands.
        if broken.is_none() && connection.is_autocommit() {
            broken = Some(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
                None,
            ));
        }
        if broken.is_none() {
            let end = if keep {
                "RELEASE change"
            } else {
                "ROLLBACK TO change; RELEASE change"
            };
            broken = connection.execute_batch(end).err();
        }
        if broken.is_some() {
            break;
        }
    }
    if broken.is_none() {
        let begun = Instant::now();
        broken = connection.execute_batch("COMMIT").err();
        metrics.commits.record(begun.elapsed().as_secs_f64());
    }
    if broken.is_some()
        && !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(error = %error, "a transaction could not be rolled back");
    }
    if let Some(error) = &broken {
        tracing::warn!(error = %error, "a transaction failed; nothing of it was acknowledged");
    }
    for answer in answers {
        answer(
            broken
                .as_ref()
                .map_or(Ok(()), |error| Err(failed(super::copy_of(error)))),
        );
    }
}
