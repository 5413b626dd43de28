//! Uploading: steps are sealed on threads, gathered into entries, and appended while the next ones are being sealed.

mod plan;
mod prepare;

use std::sync::Arc;

use crannog_agent_api::answer::Changed;
use crannog_core::content::{OpenedLeaf, chunk_count};
use crannog_core::drive::{DriveOp, Outcome};
use futures_util::{StreamExt, stream};
use tokio::sync::{Semaphore, mpsc};

use super::batch::{Batch, FileHead};
use super::content::Fetcher;
use super::groups::{Group, groups};
use super::seal::{self, Source};
use super::{Report, Task, interrupted};
use crate::db::Transfers;
use crate::error::{Error, Result};
use crate::journal::{Ingested, Journal};
use crate::shared::Shared;
pub(crate) use plan::{FileStep, Landing, Step, fresh, join, plan};
use prepare::{Prepared, Staged, Unit, known, prepare};

/// Groups, or chunks of a large file, being sealed at once.
const SEALING: usize = 3;
/// Leases last seven days; what is older than six is sent again.
const STAGED_FOR: i64 = 6 * 24 * 3600 * 1000;

/// Sends everything that the steps ask for.
pub(crate) async fn put(
    shared: &Arc<Shared>,
    journal: &Arc<Journal>,
    steps: mpsc::Receiver<Step>,
    mut report: Report<'_>,
) -> Result<Changed> {
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
    let mut run = Run {
        shared: Arc::clone(shared),
        journal: Arc::clone(journal),
        permits: Batch::permits(),
        batch: None,
        appending: None,
        broken: false,
        landed: Vec::new(),
        fetcher: Fetcher::new(shared, journal),
        staged,
    };
    let result = run.all(steps, &mut report).await;
    // What is complete goes out in any case, so that an interrupt loses nothing that was finished.
    let flushed = run.flush().await;
    for (text, name) in run.landed {
        report.note(name, text).await;
    }
    result.and(flushed)?;
    Ok(report.done())
}

struct Run {
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    permits: Arc<Semaphore>,
    batch: Option<Batch>,
    appending: Option<Task<Result<Ingested>>>,
    /// An entry did not arrive: what follows may stand on it, and is not sent.
    broken: bool,
    /// What the fold had to call otherwise.
    landed: Vec<(&'static str, String)>,
    fetcher: Fetcher,
    staged: Staged,
}

impl Run {
    async fn all(&mut self, steps: mpsc::Receiver<Step>, report: &mut Report<'_>) -> Result<()> {
        let (shared, fetcher) = (Arc::clone(&self.shared), self.fetcher.clone());
        let staged = Arc::new(std::mem::take(&mut self.staged));
        let prepare = |group: Group<Step>| {
            let (shared, fetcher, staged) = (Arc::clone(&shared), fetcher.clone(), Arc::clone(&staged));
            async move { prepare(&shared, &fetcher, &staged, group).await }
        };
        let mut units = Box::pin(groups(steps).map(prepare).buffered(SEALING));
        while let Some(unit) = units.next().await {
            report.check_cancel()?;
            match unit? {
                Unit::Small(files) => {
                    for file in files {
                        self.small(file, report).await?;
                    }
                }
                Unit::Large(step) => self.large(*step, &staged, report).await?,
                Unit::Other(step) => self.other(step, report).await?,
            }
        }
        Ok(())
    }

    async fn small(&mut self, file: Prepared, report: &mut Report<'_>) -> Result<()> {
        let chunks = match file.chunks {
            Ok(chunks) => chunks,
            Err(error) => return report.failed_or_stop(error).await,
        };
        let step = file.step;
        let (size, path) = (step.stamp.size, step.path.clone());
        let batch = self.batch().await?;
        batch.begin(head(step, file.leaves));
        for chunk in chunks {
            batch.chunk(chunk).await?;
        }
        batch.end(size);
        finished(report, size, &path);
        Ok(())
    }

    async fn large(&mut self, step: FileStep, staged: &Staged, report: &mut Report<'_>) -> Result<()> {
        let (known, leaves) = known(&self.shared, &self.fetcher, staged, &step).await?;
        let source = Arc::new(Source {
            path: step.local.clone(),
            stamp: step.stamp,
            known,
        });
        let file = match seal::open(&source) {
            Ok(file) => Arc::new(file),
            Err(error) => return report.failed_or_stop(error).await,
        };
        let (size, path) = (step.stamp.size, step.path.clone());
        let hash_key = self.shared.hash_key.clone();
        self.batch().await?.begin(head(step, leaves));
        let chunk = |place| {
            let (file, source, key) = (Arc::clone(&file), Arc::clone(&source), hash_key.clone());
            async move {
                let sealed = tokio::task::spawn_blocking(move || {
                    seal::ready_chunk(&file, &source, place, &key, &mut Vec::new())
                });
                sealed.await.map_err(Error::task)?
            }
        };
        let mut chunks = Box::pin(stream::iter(0..chunk_count(size)).map(chunk).buffered(SEALING));
        while let Some(ready) = chunks.next().await {
            let ready = match ready {
                Ok(ready) => ready,
                Err(error) => return self.give_up(error, report).await,
            };
            if report.check_cancel().is_err() {
                return self.give_up(interrupted(), report).await;
            }
            report.moved(0, ready.bytes);
            report.changed.bytes += ready.bytes;
            self.batch().await?.chunk(ready).await?;
        }
        if let Err(error) = seal::check_unchanged(&file, &source) {
            return self.give_up(error, report).await;
        }
        self.batch().await?.end(size);
        report.moved(1, 0);
        report.changed.files += 1;
        report.line("put", &path);
        self.close_if_full().await
    }

    async fn give_up(&mut self, error: Error, report: &mut Report<'_>) -> Result<()> {
        if let Some(batch) = &mut self.batch {
            batch.abandon();
        }
        report.failed_or_stop(error).await
    }

    async fn other(&mut self, step: Step, report: &mut Report<'_>) -> Result<()> {
        match step {
            Step::Op { op, path, folder } => {
                if folder {
                    report.changed.folders += 1;
                } else {
                    report.changed.files += 1;
                }
                report.line(verb(&op), &path);
                self.batch().await?.op(*op);
                self.close_if_full().await
            }
            Step::Unchanged => {
                report.changed.unchanged += 1;
                Ok(())
            }
            Step::Skipped(path) => {
                report.skipped(path).await;
                Ok(())
            }
            Step::Failed(failure) => {
                report.failed(failure).await;
                Ok(())
            }
            Step::File(_) => Ok(()),
        }
    }

    async fn batch(&mut self) -> Result<&mut Batch> {
        if self.batch.as_ref().is_some_and(Batch::is_full_between_files) {
            self.close().await?;
        }
        let (shared, journal, permits) = (&self.shared, &self.journal, &self.permits);
        Ok(self
            .batch
            .get_or_insert_with(|| Batch::new(shared, journal, permits)))
    }

    async fn close_if_full(&mut self) -> Result<()> {
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

    async fn flush(&mut self) -> Result<()> {
        self.close().await?;
        self.appended().await
    }
}

fn finished(report: &mut Report<'_>, size: u64, path: &str) {
    report.moved(1, size);
    report.changed.files += 1;
    report.changed.bytes += size;
    report.line("put", path);
}

fn verb(op: &DriveOp) -> &'static str {
    match op {
        DriveOp::Create {
            new: crannog_core::drive::NewNode::Directory,
            ..
        } => "mkdir",
        DriveOp::Create { .. } => "link",
        DriveOp::Trash { .. } => "rm",
        _ => "attributes",
    }
}

fn head(step: FileStep, leaves: Vec<OpenedLeaf>) -> FileHead {
    FileHead {
        local: FileHead::local(&step.local, step.stamp),
        target: step.target,
        attrs: step.attrs,
        size: step.stamp.size,
        previous: step.previous.map(|previous| previous.version),
        leaves,
    }
}
