//! Starting from a vouched checkpoint: what comes before is read for its keys alone, and the fold begins with what the segments say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crannog_core::check::Check;
use crannog_core::drive::{DriveOp, LoadError, Loader, Manifest};
use crannog_core::identity::Vouch;
use crannog_core::journal::{JournalKind, JournalState};
use crannog_proto::ErrorCode;
use crannog_proto::api::Stored;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::super::Journal;
use super::super::batch::Batch;
use crate::db::{Checkpoints, DbError, DriveStore, Journals, Segments};
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::transfer::{Fetcher, stream};

/// Longer than any segment that is written.
const SEGMENT_MAX: u64 = 256 * 1024 * 1024;

/// What is known of a journal's beginning, as long as the agent lives.
#[derive(Debug, Default)]
pub(in crate::journal) struct Starting {
    /// No checkpoint has to be loaded before entries are read in.
    settled: AtomicBool,
    /// The vouched one is gone; all history is read instead.
    history: AtomicBool,
}

/// Why a checkpoint was not loaded.
enum Stop {
    Db(DbError),
    Check(Check),
    /// No further segment came.
    Ended,
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl From<LoadError<DbError>> for Stop {
    fn from(error: LoadError<DbError>) -> Self {
        match error {
            LoadError::State(error) => Self::Db(error),
            LoadError::Check(check) => Self::Check(check),
            _ => Self::Check(Check::Segment),
        }
    }
}

impl Journal {
    /// Whether entries may be read in one by one.
    pub(in crate::journal) fn is_settled(&self) -> bool {
        self.starting.settled.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// Before anything is read: chooses where the fold begins, and loads the checkpoint if that place was reached. The caller holds the
    /// reading lock.
    pub(in crate::journal) fn start<'a>(
        self: &'a Arc<Self>,
        journal: &'a Arc<Journal>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.start_reading(journal))
    }

    async fn start_reading(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        if journal.is_settled() {
            return Ok(());
        }
        let row = journal.row;
        if journal.state().last().is_none() {
            self.choose_start(journal).await?;
        }
        let start = self.db.read(move |c| Checkpoints(c).start(row)).await?;
        match start {
            Some(start) if journal.state().next_seq() <= start.at.seq => return Ok(()),
            Some(_) => self.load_checkpoint(journal).await?,
            None => {}
        }
        // Having gone back to read all history, there is more to come first.
        journal.starting.settled.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Bodies are gone that this device has not read: it begins anew, with the checkpoint that home vouches for. False: there is none.
    pub(in crate::journal) async fn start_over(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        entries: &[Stored],
    ) -> Result<bool> {
        let Some(gone) = entries.iter().find(|stored| stored.body_gone) else {
            return Ok(false);
        };
        let (row, gone) = (journal.row, gone.seq);
        let start = self.db.read(move |c| Checkpoints(c).start(row)).await?;
        if start.is_some_and(|start| gone <= start.through) {
            return Ok(false);
        }
        let chosen = self.choose_start(journal).await?;
        if chosen.is_some_and(|start| gone <= start.through) {
            journal.starting.settled.store(false, Ordering::SeqCst);
            return Ok(true);
        }
        Ok(false)
    }

    async fn choose_start(&self, journal: &Journal) -> Result<Option<Vouch>> {
        let vouch = self.home().vouch(&journal.id).copied();
        let ahead = vouch.filter(|vouch| vouch.at.seq >= journal.state().next_seq());
        let usable =
            journal.state().kind() == JournalKind::Drive && !journal.starting.history.load(Ordering::SeqCst);
        let Some(start) = ahead.filter(|_| usable) else {
            return Ok(None);
        };
        let (row, fresh) = (journal.row, journal.state().last().is_none());
        self.db
            .write(move |tx| Checkpoints(tx).begin_at(row, &start, fresh))
            .await?;
        Ok(Some(start))
    }

    async fn load_checkpoint(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let row = journal.row;
        let (manifest, fresh) = self
            .db
            .read(move |c| Ok((Checkpoints(c).last(row)?, Checkpoints(c).is_fresh(row)?)))
            .await?;
        let manifest = manifest.ok_or(DbError::Damaged("a checkpoint that was read"))?;
        match self.load_segments(journal, manifest).await {
            // Heads that were read before are never forgotten: to go back would be what a server wants that shows less.
            Err(error) if error.server_code() == Some(ErrorCode::NotFound) && !fresh => {
                let gone = format!("the checkpoint of {}", self.name_of(&journal.id));
                Err(self.alarm(&journal.id, Error::lied(Check::Missing, gone)).await)
            }
            Err(error) if error.server_code() == Some(ErrorCode::NotFound) => {
                tracing::info!(journal = %journal.id, "the vouched checkpoint is gone; all history is read");
                self.read_all_history(journal).await
            }
            Err(error @ Error::Lied { .. }) => Err(self.alarm(&journal.id, error).await),
            loaded => loaded,
        }
    }

    /// Fetches one segment while the one before is loaded. All are loaded in one transaction, or none.
    async fn load_segments(self: &Arc<Self>, journal: &Arc<Journal>, manifest: Manifest) -> Result<()> {
        let (segments, next) = mpsc::channel(1);
        let (shared, row) = (Arc::clone(self), journal.row);
        let order: Vec<_> = manifest.segments.iter().rev().cloned().collect();
        let loading = tokio::task::spawn_blocking(move || shared.fold_segments(row, &manifest, next));
        let fetcher = Fetcher::of_reader(self, journal);
        let fetching = async {
            for segment in order {
                // CHK-024
                if segment.content.size > SEGMENT_MAX {
                    return Err(Error::lied(Check::Bounds, self.name_of(&journal.id)));
                }
                let mut plain = Vec::new();
                stream(&fetcher, &segment.content, |piece| {
                    plain.extend_from_slice(&piece);
                    async { true }
                })
                .await?;
                if segments.send(plain).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        let fetched = fetching.await;
        drop(segments);
        match loading.await.map_err(Error::task)? {
            Ok(()) => fetched,
            Err(Stop::Ended) => fetched.and(Err(crate::transfer::internal("a checkpoint's segments"))),
            Err(Stop::Db(error)) => Err(error.into()),
            Err(Stop::Check(check)) => Err(Error::lied(
                check,
                format!("the checkpoint of {}", self.name_of(&journal.id)),
            )),
        }
    }

    fn fold_segments(
        &self,
        row: i64,
        manifest: &Manifest,
        mut next: mpsc::Receiver<Vec<u8>>,
    ) -> Result<(), Stop> {
        self.db.with_writer(|tx| {
            let mut drive = DriveStore::new(tx, row);
            drive.clear()?;
            let mut loader = Loader::new(manifest).map_err(Stop::Check)?;
            while loader.next().is_some() {
                let plain = next.blocking_recv().ok_or(Stop::Ended)?;
                loader.load(&mut drive, &plain)?;
            }
            let compared = Segments(tx);
            for segment in &manifest.segments {
                compared.compared(row, segment, true)?;
            }
            let (checkpoints, mut after) = (Checkpoints(tx), manifest.through);
            while let Some((seq, bytes)) = checkpoints.deferred(row, after)? {
                let batch: Batch<Vec<DriveOp>> = crannog_proto::decode(&bytes).map_err(DbError::from)?;
                batch.fold(&mut drive, seq)?;
                after = seq;
            }
            Ok(checkpoints.begun(row)?)
        })
    }

    /// Forgets what was read, heads included: home has those that other devices saw.
    async fn read_all_history(&self, journal: &Journal) -> Result<()> {
        journal.starting.history.store(true, Ordering::SeqCst);
        let state = JournalState::new(journal.id, JournalKind::Drive, self.identity.account);
        let (row, snapshot) = (journal.row, state.snapshot());
        self.db
            .write(move |tx| {
                Checkpoints(tx).begun(row)?;
                Journals(tx).rewind(row, &snapshot)
            })
            .await?;
        journal.publish(state);
        Ok(())
    }
}
