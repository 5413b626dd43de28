//! Moving files: from the local disk into the drive and back.
//!
//! ```text
//!  put:  scan ─▶ plan (against the local database) ─▶ seal (threads) ─▶ batch: packs, uploads ─▶ append
//!  get:  plan (from the local database) ─▶ fetch ─▶ open (threads) ─▶ part file ─▶ rename
//! ```
//! Memory is bounded by what is in flight: a few chunks and packs, never by a file or a drive.

mod batch;
mod content;
mod file;
mod flow;
mod get;
mod groups;
mod local;
mod part;
mod put;
mod reseal;
mod scan;
mod seal;
mod stdin;
mod uploads;
mod verify;

pub(crate) use batch::Batch;
pub(crate) use content::{Fetcher, lied, stream};
pub(crate) use file::{FileHead, Target};
pub(crate) use flow::{Counts, Flow};
pub(crate) use get::{
    Landing as GetLanding, Step as GetStep, Totals, a_member_can, get, plan as plan_get,
    version as get_version,
};
pub(crate) use local::{component, folder as local_folder};
pub(crate) use put::{
    Landing as PutLanding, Limits as PutLimits, fresh as fresh_node, fresh_version, join as join_path,
    plan as plan_put, put,
};
pub(crate) use reseal::reseal;
pub(crate) use seal::{HashKey, internal};
pub(crate) use stdin::put as put_stdin;
pub(crate) use uploads::Uploads;
pub(crate) use verify::verify;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crannog_agent_api::answer::{Changed, Note};
use crannog_agent_api::{Code, Event, Failure};
use crannog_core::drive::{Applied, Outcome};
use tokio::task::JoinHandle;

use crate::engine::Caller;
use crate::error::{Error, Result};

/// Lines of a plan that are kept for the answer, and their bytes: paths are others' choice (CHK-024).
const PLAN_LINES: usize = 10_000;
const PLAN_BYTES: usize = 16 * 1024 * 1024;

/// What a transfer that stands still is doing.
pub(crate) const PAUSED: &str = "paused";

/// What is done, one line a thing: no more than somebody reads (CHK-024).
#[derive(Debug)]
pub(crate) struct Plan {
    lines: Vec<String>,
    left: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            left: PLAN_BYTES,
        }
    }
}

impl Plan {
    pub(crate) fn line(&mut self, verb: &str, path: &str) {
        if self.lines.len() < PLAN_LINES && path.len() <= self.left {
            self.left -= path.len();
            self.lines.push(format!("{verb} {path}"));
        }
    }
}

/// What a long work tells its caller.
pub(crate) struct Report<'a> {
    caller: &'a Caller,
    phase: &'static str,
    pub(crate) changed: Changed,
    pub(crate) plan: Plan,
    counts: Counts,
    /// Of a transfer.
    flow: Option<Arc<Flow>>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(caller: &'a Caller, phase: &'static str, dry_run: bool) -> Self {
        Self {
            caller,
            phase,
            changed: Changed {
                dry_run,
                ..Changed::default()
            },
            plan: Plan::default(),
            counts: Counts::default(),
            flow: None,
        }
    }

    /// The same for a transfer, which counts on.
    pub(crate) fn over(flow: &Arc<Flow>, caller: &'a Caller, phase: &'static str, dry_run: bool) -> Self {
        Self {
            counts: flow.counts.clone(),
            flow: Some(Arc::clone(flow)),
            ..Self::new(caller, phase, dry_run)
        }
    }

    /// Totals that a planner counts up while it goes.
    pub(crate) fn totals(&self) -> (Arc<AtomicU64>, Arc<AtomicU64>) {
        let counts = &self.counts;
        (Arc::clone(&counts.files_total), Arc::clone(&counts.bytes_total))
    }

    /// Files of these sizes are about to be moved.
    pub(crate) fn expect(&self, sizes: impl Iterator<Item = u64>) {
        for size in sizes {
            self.counts.files_total.fetch_add(1, Ordering::Relaxed);
            self.counts.bytes_total.fetch_add(size, Ordering::Relaxed);
        }
    }

    pub(crate) fn line(&mut self, verb: &str, path: &str) {
        self.plan.line(verb, path);
    }

    pub(crate) fn moved(&self, files: u64, bytes: u64) {
        self.counts.files.fetch_add(files, Ordering::Relaxed);
        self.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
        let paused = self.flow.as_ref().is_some_and(|flow| flow.is_paused());
        let phase = if paused { PAUSED } else { self.phase };
        // Progress may be lost: the next one says more.
        let _ = self.caller.events.try_send(self.counts.event(phase));
    }

    pub(crate) async fn note(&self, object: impl Into<String>, text: impl Into<String>) {
        let _ = self
            .caller
            .events
            .send(Event::Note(Note {
                object: object.into(),
                text: text.into(),
            }))
            .await;
    }

    /// A socket, a pipe or a device.
    pub(crate) async fn skipped(&self, path: String) {
        self.note(path, "neither a file, a folder nor a link: left out")
            .await;
    }

    /// What became of operations if it is not what was asked, each about the object of the same place.
    pub(crate) async fn became(&mut self, objects: &[String], applied: &[Applied]) {
        for (applied, object) in applied.iter().zip(objects) {
            match &applied.outcome {
                Outcome::Done => {}
                Outcome::Conflict(landing) => {
                    let text = format!("its name was taken: it lies beside, as {}", landing.name);
                    self.note(object, text).await;
                }
                Outcome::Recovered(landing) => {
                    let text = format!("its folder was gone: it lies in /Recovered, as {}", landing.name);
                    self.note(object, text).await;
                }
                Outcome::Ignored(_) => {
                    let failure = Failure::new(
                        Code::Conflict,
                        "another device changed it first: nothing was done",
                    );
                    let failure = failure
                        .object(object.as_str())
                        .hint("look where it is now, then try again");
                    self.failed(failure).await;
                }
            }
            for spared in &applied.spared {
                self.note(&spared.name, "it was changed meanwhile: it stays, in /Recovered")
                    .await;
            }
        }
    }

    /// One object failed; the work goes on.
    pub(crate) async fn failed(&mut self, failure: Failure) {
        self.changed.failed += 1;
        let _ = self.caller.events.send(Event::Failed(failure)).await;
    }

    /// A lie, a full quota or an interrupt ends the whole work; anything else concerns one object.
    pub(crate) async fn failed_or_stop(&mut self, error: Error) -> Result<()> {
        match error {
            Error::User(failure) if failure.code == Code::Interrupted => Err(Error::User(failure)),
            Error::Io { .. } | Error::User(_) => {
                self.failed(error.into()).await;
                Ok(())
            }
            other => Err(other),
        }
    }

    pub(crate) fn check_cancel(&self) -> Result<()> {
        if self.caller.cancel.is_cancelled() {
            Err(interrupted())
        } else {
            Ok(())
        }
    }

    /// A step of a put that is only looked at.
    pub(crate) async fn would_put(&mut self, step: put::Step) {
        match step {
            put::Step::Op {
                path, folder: true, ..
            } => {
                self.changed.folders += 1;
                self.line("mkdir", &path);
            }
            put::Step::Op { path, .. } => {
                self.changed.files += 1;
                self.line("change", &path);
            }
            put::Step::File(file) => {
                self.changed.files += 1;
                self.changed.bytes += file.stamp.size;
                self.line("put", &file.path);
            }
            put::Step::Unchanged => self.changed.unchanged += 1,
            put::Step::Skipped(path) => self.skipped(path).await,
            put::Step::Failed(failure) => self.failed(failure).await,
        }
    }

    /// A step of a get that is only looked at.
    pub(crate) async fn would_get(&mut self, step: get::Step) {
        match step {
            get::Step::Folder { path, new: true, .. } => {
                self.changed.folders += 1;
                self.line("mkdir", &path.display().to_string());
            }
            get::Step::Folder { .. } => {}
            get::Step::Symlink { path, .. } => {
                self.changed.files += 1;
                self.line("link", &path.display().to_string());
            }
            get::Step::File(file) => {
                self.changed.files += 1;
                self.changed.bytes += file.version.content.size;
                self.line("get", &file.local.display().to_string());
            }
            get::Step::Unchanged => self.changed.unchanged += 1,
            get::Step::Failed(failure) => self.failed(failure).await,
        }
    }

    pub(crate) fn done(self) -> Changed {
        Changed {
            plan: self.plan.lines,
            ..self.changed
        }
    }
}

pub(crate) fn interrupted() -> Error {
    Error::User(
        Failure::new(Code::Interrupted, "interrupted")
            .hint("what was finished stays; the same command goes on from there"),
    )
}

/// A task that ends with whoever waits for it: work that was dropped sends nothing more and keeps no key.
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T> Task<T> {
    pub(crate) fn new(task: JoinHandle<T>) -> Self {
        Self(task)
    }

    /// What came of it.
    pub(crate) async fn end(mut self) -> Result<T> {
        (&mut self.0).await.map_err(Error::task)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::{PLAN_BYTES, PLAN_LINES, Plan};

    #[test]
    fn chk_024_a_plan_has_an_end() {
        let (mut short, mut long) = (Plan::default(), Plan::default());
        let path = "p".repeat(1024 * 1024);
        for _ in 0..2 * PLAN_LINES {
            short.line("purge", "/a");
            long.line("purge", &path);
        }
        assert_eq!(short.lines.len(), PLAN_LINES);
        assert_eq!(long.lines.len(), PLAN_BYTES / path.len());
    }
}
