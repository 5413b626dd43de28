//! What goes into one drive: its batch in the making, and the entry before that is being appended.

use std::sync::Arc;

use crannog_core::drive::Outcome;

use super::super::batch::Batch;
use super::super::content::Fetcher;
use super::super::{Flow, Task};
use super::prepare::Staged;
use crate::db::Transfers;
use crate::error::Result;
use crate::journal::{Ingested, Journal};
use crate::shared::Shared;

/// Leases last seven days; what is older than six is sent again.
const STAGED_FOR: i64 = 6 * 24 * 3600 * 1000;

/// What the preparing threads need of a drive.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) fetcher: Fetcher,
    pub(super) staged: Arc<Staged>,
}

/// One drive of a put.
pub(super) struct Lane {
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    pub(super) ground: Ground,
    flow: Arc<Flow>,
    batch: Option<Batch>,
    appending: Option<Task<Result<Ingested>>>,
    /// An entry did not arrive: what follows may stand on it, and is not sent.
    broken: bool,
    /// What the fold had to call otherwise.
    pub(super) landed: Vec<(&'static str, String)>,
}

impl Lane {
    pub(super) async fn open(shared: &Arc<Shared>, journal: &Arc<Journal>, flow: &Arc<Flow>) -> Result<Self> {
        let row = journal.row;
        let after = crate::clock::now_ms() - STAGED_FOR;
        let pieces = shared
            .db
            .write(move |tx| Transfers(tx).staged(row, after))
            .await?;
        let mut staged = Staged::new();
        for piece in pieces {
            staged.entry(piece.path.clone()).or_default().push(piece);
        }
        Ok(Self {
            shared: Arc::clone(shared),
            journal: Arc::clone(journal),
            ground: Ground {
                fetcher: Fetcher::over(shared, journal, flow),
                staged: Arc::new(staged),
            },
            flow: Arc::clone(flow),
            batch: None,
            appending: None,
            broken: false,
            landed: Vec::new(),
        })
    }

    /// The batch that is being filled, a new one if the last is full.
    pub(super) async fn batch(&mut self) -> Result<&mut Batch> {
        self.close_if_full().await?;
        let (shared, journal, flow) = (&self.shared, &self.journal, &self.flow);
        Ok(self
            .batch
            .get_or_insert_with(|| Batch::new(shared, journal, flow)))
    }

    pub(super) fn abandon(&mut self) {
        if let Some(batch) = &mut self.batch {
            batch.abandon();
        }
    }

    pub(super) async fn close_if_full(&mut self) -> Result<()> {
        if self.batch.as_ref().is_some_and(Batch::is_full_between_files) {
            self.close().await
        } else {
            Ok(())
        }
    }

    /// Appends the batch in the background, after the one before: entries keep their order.
    async fn close(&mut self) -> Result<()> {
        self.appended().await?;
        let Some(batch) = self
            .batch
            .take()
            .filter(|batch| !batch.is_empty() && !self.broken)
        else {
            return Ok(());
        };
        self.appending = Some(Task::new(tokio::spawn(batch.finish())));
        Ok(())
    }

    async fn appended(&mut self) -> Result<()> {
        let Some(task) = self.appending.take() else {
            return Ok(());
        };
        let ingested = task.end().await.flatten();
        self.broken |= ingested.is_err();
        for applied in ingested?.applied {
            match applied.outcome {
                Outcome::Conflict(landing) => {
                    self.landed.push((
                        "another device had been there: it was kept beside it under this name",
                        landing.name,
                    ));
                }
                Outcome::Recovered(landing) => self
                    .landed
                    .push(("its folder was gone: it lies in /Recovered", landing.name)),
                Outcome::Done | Outcome::Ignored(_) => {}
            }
        }
        Ok(())
    }

    /// Everything that is complete goes out.
    pub(super) async fn flush(&mut self) -> Result<()> {
        self.close().await?;
        self.appended().await
    }
}
