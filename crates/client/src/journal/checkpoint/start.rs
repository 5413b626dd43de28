//! Starting from a vouched checkpoint: what comes before is read for its keys alone, and the fold begins with what the segments say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
use crate::db::{Checkpoints, DbError, DriveStore, Journals, Known, Segments, cited};
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
    /// Up to which place the newest one describes that is gone: all history is read instead.
    lost: AtomicU64,
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
        let pending = self.pending_start(journal).await?;
        if pending.is_some() || journal.state().last().is_none() {
            self.choose_start(journal).await?;
        }
        match self.pending_start(journal).await? {
            Some(start) if journal.state().next_seq() <= start.at.seq => return Ok(()),
            Some(_) => self.load_checkpoint(journal).await?,
            None => {}
        }
        // Where it was gone, a later one or all history comes first.
        let settled = self.pending_start(journal).await?.is_none();
        journal.starting.settled.store(settled, Ordering::SeqCst);
        Ok(())
    }

    /// The checkpoint that has to be loaded and was not yet.
    async fn pending_start(&self, journal: &Journal) -> Result<Option<Vouch>> {
        let row = journal.row;
        Ok(self.db.read(move |c| Checkpoints(c).start(row)).await?)
    }

    /// The place of the vouched checkpoint, if the fold begins there and it was not read yet.
    pub(in crate::journal) async fn awaited(&self, journal: &Journal) -> Result<Option<u64>> {
        let start = self.pending_start(journal).await?.map(|start| start.at.seq);
        Ok(start.filter(|seq| journal.state().next_seq() <= *seq))
    }

    /// When a place was reached: whether all up to it is folded too. Else there is more to read first.
    pub(in crate::journal) async fn end_reading(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        goal: u64,
    ) -> Result<bool> {
        self.start(journal).await?;
        Ok(journal.is_settled() && journal.state().next_seq() > goal)
    }

    /// Bodies are gone that this device has not read: it begins anew, with the checkpoint that home vouches for. False: there is none.
    pub(in crate::journal) async fn start_over(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        entries: &[Stored],
    ) -> Result<bool> {
        let Some(gone) = entries.iter().rev().find(|stored| stored.body_gone) else {
            return Ok(false);
        };
        let covers = |start: &Vouch| gone.seq <= start.through;
        if self.pending_start(journal).await?.as_ref().is_some_and(covers) {
            return Ok(false);
        }
        if self.choose_start(journal).await?.as_ref().is_some_and(covers) {
            return Ok(true);
        }
        if journal.state().kind() != JournalKind::Drive {
            return Ok(false);
        }
        // Whoever pruned vouched first, but home may not have been read since.
        self.refresh_secrets(&journal.id).await?;
        Ok(self.choose_start(journal).await?.as_ref().is_some_and(covers))
    }

    /// Begins with what home vouches for, if that lies ahead, and further than where it would begin now.
    async fn choose_start(&self, journal: &Journal) -> Result<Option<Vouch>> {
        let state = journal.state();
        if state.kind() != JournalKind::Drive {
            return Ok(None);
        }
        let lost = journal.starting.lost.load(Ordering::SeqCst);
        let vouch = self.home().vouch(&journal.id).copied();
        let Some(vouch) = vouch.filter(|vouch| vouch.at.seq >= state.next_seq() && vouch.through > lost)
        else {
            return Ok(None);
        };
        let pending = self.pending_start(journal).await?;
        if pending.is_some_and(|start| start.through >= vouch.through) {
            return Ok(None);
        }
        let (row, fresh) = (journal.row, state.last().is_none());
        journal.starting.settled.store(false, Ordering::SeqCst);
        self.db
            .write(move |tx| Checkpoints(tx).begin_at(row, &vouch, fresh))
            .await?;
        Ok(Some(vouch))
    }

    async fn load_checkpoint(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let row = journal.row;
        let (manifest, fresh) = self
            .db
            .read(move |c| Ok((Checkpoints(c).last(row)?, Checkpoints(c).is_fresh(row)?)))
            .await?;
        let manifest = manifest.ok_or(DbError::Damaged("a checkpoint that was read"))?;
        let through = manifest.through;
        match self.load_segments(journal, manifest).await {
            Err(error) if error.server_code() == Some(ErrorCode::NotFound) => {
                self.without_checkpoint(journal, through, fresh).await
            }
            Err(error @ Error::Lied { .. }) => Err(self.alarm(&journal.id, error).await),
            loaded => loaded,
        }
    }

    /// Its blobs are gone. A later one may have taken its place.
    async fn without_checkpoint(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        through: u64,
        fresh: bool,
    ) -> Result<()> {
        journal.starting.lost.store(through, Ordering::SeqCst);
        self.refresh_secrets(&journal.id).await?;
        if self.choose_start(journal).await?.is_some() {
            return Ok(());
        }
        // Heads that were read before are never forgotten: to go back would be what a server wants that shows less.
        if !fresh {
            let gone = format!("the checkpoint of {}", self.name_of(&journal.id));
            return Err(self.alarm(&journal.id, Error::lied(Check::Missing, gone)).await);
        }
        tracing::info!(journal = %journal.id, "the vouched checkpoint is gone; all history is read");
        self.read_all_history(journal).await
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
            for cited in cited(manifest) {
                Segments(tx).note(row, cited, Known::opened(manifest.through))?;
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

    /// Forgets what was read, heads included: home has those that other devices saw. Not to be cut short: what is published is what is stored.
    async fn read_all_history(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let (shared, journal) = (Arc::clone(self), Arc::clone(journal));
        let rewound = tokio::spawn(async move {
            let state = JournalState::new(journal.id, JournalKind::Drive, shared.identity.account);
            let (row, snapshot) = (journal.row, state.snapshot());
            shared
                .db
                .write(move |tx| {
                    Checkpoints(tx).begun(row)?;
                    Journals(tx).rewind(row, &snapshot)
                })
                .await?;
            journal.publish(state);
            Ok(())
        });
        rewound.await.map_err(Error::task)?
    }
}
