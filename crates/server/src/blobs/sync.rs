//! Making files and their folders durable, each sync shared by all that wait for it.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{Semaphore, watch};

use super::{BlobDir, hash_file};
use crate::metrics::Metrics;
use crate::store::{BlobFile, FileName};

/// File syncs under way at once.
const PARALLEL: usize = 8;
/// Files remembered as synced; beyond, they are read and synced once more.
const REMEMBERED: usize = 1 << 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Busy,
    Done,
    Failed,
}

/// Knows which files written by this process are synced.
#[derive(Debug)]
pub(crate) struct Syncer {
    blobs: Arc<BlobDir>,
    files: Mutex<HashMap<FileName, watch::Receiver<State>>>,
    folders: Vec<Folder>,
    permits: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

/// Whoever asks gets a ticket; a sync that begins later serves all tickets given before.
#[derive(Debug, Default)]
struct Folder {
    tickets: AtomicU64,
    served: tokio::sync::Mutex<u64>,
}

impl Syncer {
    /// For this folder.
    pub(crate) fn new(blobs: Arc<BlobDir>, metrics: Arc<Metrics>) -> Self {
        Self {
            blobs,
            files: Mutex::new(HashMap::new()),
            folders: (0..=u8::MAX).map(|_| Folder::default()).collect(),
            permits: Arc::new(Semaphore::new(PARALLEL)),
            metrics,
        }
    }

    /// Begins to sync a file that was just written; an append then rarely waits.
    pub(super) fn start(self: &Arc<Self>, name: FileName, file: File) {
        let (sender, receiver) = watch::channel(State::Busy);
        {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            if files.len() >= REMEMBERED {
                files.retain(|_, state| *state.borrow() == State::Busy);
            }
            files.insert(name, receiver);
        }
        let (permits, metrics) = (Arc::clone(&self.permits), Arc::clone(&self.metrics));
        tokio::spawn(async move {
            let _permit = permits.acquire_owned().await;
            let begun = Instant::now();
            let result = tokio::task::spawn_blocking(move || file.sync_data()).await;
            metrics.syncs.record(begun.elapsed().as_secs_f64());
            let done = matches!(result, Ok(Ok(())));
            if !done {
                tracing::error!("a file of a blob could not be synced; its blob has to be sent again");
            }
            sender.send_replace(if done { State::Done } else { State::Failed });
        });
    }

    /// Makes these files durable, then their folders. Gives back those that are not what they should be: missing, short,
    /// damaged, or refused by the disk; what a failed sync has lost is never taken for written.
    pub(crate) async fn settle(&self, files: &[BlobFile]) -> io::Result<Vec<BlobFile>> {
        let mut bad = Vec::new();
        for file in files {
            if !self.settle_file(file).await? {
                bad.push(*file);
            }
        }
        let mut shards: Vec<u8> = files.iter().map(|file| file.name.0[0]).collect();
        shards.sort_unstable();
        shards.dedup();
        for shard in shards {
            self.settle_folder(shard).await?;
        }
        let mut known = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for file in files {
            known.remove(&file.name);
        }
        Ok(bad)
    }

    /// Forgets a file that is gone.
    pub(crate) fn forget(&self, names: &[FileName]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            files.remove(name);
        }
    }

    async fn settle_file(&self, file: &BlobFile) -> io::Result<bool> {
        let known = self
            .files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&file.name)
            .cloned();
        if let Some(mut state) = known {
            return Ok(state
                .wait_for(|state| *state != State::Busy)
                .await
                .is_ok_and(|state| *state == State::Done));
        }
        // Written before this process began, perhaps before the power went: only its hash tells.
        let (blobs, file) = (Arc::clone(&self.blobs), *file);
        let task = tokio::task::spawn_blocking(move || {
            let open = match blobs.read(&file.name) {
                Ok(open) => open,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            };
            if open.metadata()?.len() != file.size || hash_file(&open)? != file.blob.0 {
                return Ok(false);
            }
            open.sync_data().map(|()| true)
        });
        task.await.map_err(io::Error::other)?
    }

    async fn settle_folder(&self, shard: u8) -> io::Result<()> {
        let Some(folder) = self.folders.get(usize::from(shard)) else {
            return Ok(());
        };
        let ticket = folder.tickets.fetch_add(1, Ordering::SeqCst) + 1;
        let mut served = folder.served.lock().await;
        if *served >= ticket {
            return Ok(());
        }
        let serves = folder.tickets.load(Ordering::SeqCst);
        let path = self.blobs.shard_path(shard);
        let begun = Instant::now();
        tokio::task::spawn_blocking(move || File::open(path)?.sync_all())
            .await
            .map_err(io::Error::other)??;
        self.metrics.syncs.record(begun.elapsed().as_secs_f64());
        *served = serves;
        Ok(())
    }
}
