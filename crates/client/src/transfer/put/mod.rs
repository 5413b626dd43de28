//! Uploading: steps are sealed on threads, gathered into entries, and appended while the next ones are being sealed.

mod lane;
mod plan;
mod prepare;

use std::collections::HashMap;
use std::sync::Arc;

use crannog_agent_api::answer::Changed;
use crannog_core::content::{OpenedLeaf, chunk_count};
use crannog_core::drive::DriveOp;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::Flow;
use super::file::FileHead;
use super::groups::{Group, groups};
use super::seal::{self, Source, internal};
use super::{Report, interrupted};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;
use lane::Lane;
pub(crate) use plan::{FileStep, Landing, Limits, Step, fresh, fresh_version, join, plan};
use prepare::{Grounds, Prepared, Unit, known, prepare};

/// Groups, or chunks of a large file, being sealed at once.
const SEALING: usize = 3;
/// Sends everything that the steps ask for, each into its drive, one of `journals`.
pub(crate) async fn put(
    shared: &Arc<Shared>,
    journals: &[Arc<Journal>],
    steps: mpsc::Receiver<Step>,
    flow: &Arc<Flow>,
    mut report: Report<'_>,
) -> Result<Changed> {
    let mut lanes = HashMap::new();
    for journal in journals {
        lanes.insert(journal.row, Lane::open(shared, journal, flow).await?);
    }
    let mut run = Run {
        shared: Arc::clone(shared),
        lanes,
    };
    let mut result = run.all(steps, &mut report).await;
    for lane in run.lanes.values_mut() {
        // What is complete goes out in any case, so that an interrupt loses nothing that was finished.
        let flushed = lane.flush().await;
        for (text, name) in std::mem::take(&mut lane.landed) {
            report.note(name, text).await;
        }
        result = result.and(flushed);
    }
    result?;
    Ok(report.done())
}

struct Run {
    shared: Arc<Shared>,
    /// By the local numbers of the drives.
    lanes: HashMap<i64, Lane>,
}

impl Run {
    async fn all(&mut self, steps: mpsc::Receiver<Step>, report: &mut Report<'_>) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let grounds = self
            .lanes
            .iter()
            .map(|(drive, lane)| (*drive, lane.ground.clone()));
        let grounds = Arc::new(grounds.collect::<Grounds>());
        let prepare = |group: Group<Step>| {
            let (shared, grounds) = (Arc::clone(&shared), Arc::clone(&grounds));
            async move { prepare(&shared, &grounds, group).await }
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
                Unit::Large(step) => self.large(*step, report).await?,
                Unit::Other(step) => self.other(step, report).await?,
            }
        }
        Ok(())
    }

    fn lane(&mut self, drive: i64) -> Result<&mut Lane> {
        self.lanes
            .get_mut(&drive)
            .ok_or_else(|| internal("a step for another drive"))
    }

    async fn small(&mut self, file: Prepared, report: &mut Report<'_>) -> Result<()> {
        let chunks = match file.chunks {
            Ok(chunks) => chunks,
            Err(error) => return report.failed_or_stop(error).await,
        };
        let step = file.step;
        let (size, path) = (step.stamp.size, step.path.clone());
        let batch = self.lane(step.drive)?.batch().await?;
        batch.begin(head(step, file.leaves));
        for chunk in chunks {
            batch.chunk(chunk).await?;
        }
        batch.end(size);
        finished(report, size, &path);
        Ok(())
    }

    async fn large(&mut self, step: FileStep, report: &mut Report<'_>) -> Result<()> {
        let (shared, hash_key) = (Arc::clone(&self.shared), self.shared.hash_key.clone());
        let lane = self.lane(step.drive)?;
        let (known, leaves) = known(&shared, &lane.ground, &step).await?;
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
        lane.batch().await?.begin(head(step, leaves));
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
                Err(error) => return give_up(lane, error, report).await,
            };
            if report.check_cancel().is_err() {
                return give_up(lane, interrupted(), report).await;
            }
            report.moved(0, ready.bytes);
            report.changed.bytes += ready.bytes;
            lane.batch().await?.chunk(ready).await?;
        }
        if let Err(error) = seal::check_unchanged(&file, &source) {
            return give_up(lane, error, report).await;
        }
        lane.batch().await?.end(size);
        report.moved(1, 0);
        report.changed.files += 1;
        report.line("put", &path);
        lane.close_if_full().await
    }

    async fn other(&mut self, step: Step, report: &mut Report<'_>) -> Result<()> {
        match step {
            Step::Op {
                drive,
                op,
                path,
                folder,
            } => {
                if folder {
                    report.changed.folders += 1;
                } else {
                    report.changed.files += 1;
                }
                report.line(verb(&op), &path);
                let lane = self.lane(drive)?;
                lane.batch().await?.op(*op);
                lane.close_if_full().await
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
}

async fn give_up(lane: &mut Lane, error: Error, report: &mut Report<'_>) -> Result<()> {
    lane.abandon();
    report.failed_or_stop(error).await
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
        version: fresh_version(),
        attrs: step.attrs,
        size: step.stamp.size,
        previous: step.previous.map(|previous| previous.version),
        leaves,
    }
}
