//! Downloading: the plan comes from the local database alone; bytes are verified before they are written.

mod large;
mod plan;
mod small;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crannog_agent_api::Code;
use crannog_agent_api::answer::Changed;
use crannog_core::check::Check;
use crannog_core::drive::Attrs;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::content::Fetcher;
use super::groups::{Group, groups};
use super::seal::internal;
use super::{Flow, Report, Task, local};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;
use large::large;
pub(crate) use plan::{Landing, Step, Totals, plan, version};
use small::small;

/// Groups under way at once.
const GROUPS: usize = 4;

/// Readers of the drives that take part, by local numbers.
type Fetchers = HashMap<i64, Fetcher>;

fn fetcher_of(fetchers: &Fetchers, drive: i64) -> Result<&Fetcher> {
    fetchers
        .get(&drive)
        .ok_or_else(|| internal("a step for another drive"))
}

/// Fetches everything that the steps ask for, each from its drive, one of `journals`.
pub(crate) async fn get(
    shared: &Arc<Shared>,
    journals: &[Arc<Journal>],
    umask: u32,
    steps: mpsc::Receiver<Step>,
    flow: &Arc<Flow>,
    mut report: Report<'_>,
) -> Result<Changed> {
    let fetchers = journals
        .iter()
        .map(|journal| (journal.row, Fetcher::over(shared, journal, flow)));
    let fetchers = Arc::new(fetchers.collect::<Fetchers>());
    let (mut folders, mut lie) = (Vec::new(), None);
    let work = |group| {
        // Tasks of their own: while a large file is fetched nobody polls them here, and it may wait for a pack that one of them fetches.
        let task = match group {
            Group::Small(steps) => {
                let fetchers = Arc::clone(&fetchers);
                let task = tokio::spawn(async move { small(&fetchers, steps, umask).await });
                Err(Task::new(task))
            }
            Group::One(step) => Ok(Unit::One(step)),
        };
        async move {
            match task {
                Ok(unit) => Ok(unit),
                Err(task) => task.end().await.flatten().map(Unit::Small),
            }
        }
    };
    let mut units = Box::pin(groups(steps).map(work).buffered(GROUPS));
    while let Some(unit) = units.next().await {
        let unit = unit?;
        report.check_cancel()?;
        match unit {
            Unit::Small(results) => {
                for (path, result) in results {
                    match result {
                        Ok(size) => finished(&mut report, &path, size),
                        Err(error) => lied_or_failed(&mut report, &mut lie, &path, error).await?,
                    }
                }
            }
            Unit::One(Step::Folder { path, attrs, new }) => {
                if new {
                    report.changed.folders += 1;
                    report.line("mkdir", &path.display().to_string());
                }
                folders.push((path, attrs));
            }
            Unit::One(Step::Symlink {
                path,
                target,
                node,
                attrs,
            }) => match local::symlink(&target, &path, node, attrs) {
                Ok(()) => finished(&mut report, &path, 0),
                Err(error) => report.failed_or_stop(error).await?,
            },
            Unit::One(Step::File(step)) => {
                let path = step.local.clone();
                let fetcher = fetcher_of(&fetchers, step.drive)?;
                match large(shared, flow, fetcher, *step, umask, &report).await {
                    Ok(size) => {
                        report.changed.files += 1;
                        report.changed.bytes += size;
                        report.moved(1, 0);
                        report.line("get", &path.display().to_string());
                    }
                    Err(error) => lied_or_failed(&mut report, &mut lie, &path, error).await?,
                }
            }
            Unit::One(Step::Unchanged) => report.changed.unchanged += 1,
            Unit::One(Step::Failed(failure)) => report.failed(failure).await,
        }
    }
    for (path, attrs) in folders.into_iter().rev() {
        if attrs != Attrs::default()
            && attrs.mtime_s != 0
            && let Err(error) = local::finish_folder(&path, attrs, umask)
        {
            report.failed_or_stop(error).await?;
        }
    }
    match lie {
        Some(lie) => Err(lie),
        None => Ok(report.done()),
    }
}

fn finished(report: &mut Report<'_>, path: &Path, size: u64) {
    report.changed.files += 1;
    report.changed.bytes += size;
    report.moved(1, size);
    report.line("get", &path.display().to_string());
}

/// A lie is named with the file it concerns. One that only the server can have told ends the work: nobody should go on with such a server.
/// A member's is the end of that file alone, else one bad record would keep everybody from getting the rest; the first is told once more
/// when all else is done.
async fn lied_or_failed(
    report: &mut Report<'_>,
    lie: &mut Option<Error>,
    path: &Path,
    error: Error,
) -> Result<()> {
    let Error::Lied { check, object } = error else {
        return report.failed_or_stop(lost_of(error, path)).await;
    };
    let named = || Error::lied(check, format!("{} ({object})", path.display()));
    if !a_member_can(check) {
        return Err(named());
    }
    report.failed(named().into()).await;
    lie.get_or_insert(named());
    Ok(())
}

/// What was lost in a restore is named by the file.
fn lost_of(error: Error, path: &Path) -> Error {
    match error {
        Error::User(failure) if failure.code == Code::Lost => {
            failure.object(path.display().to_string()).into()
        }
        other => other,
    }
}

/// Whether a member who may write can make the check fail by what she writes: keys, lengths and numbers that do not fit, a list that does not
/// decode, a blob that was never stored.
pub(crate) fn a_member_can(check: Check) -> bool {
    matches!(
        check,
        Check::Seal | Check::Length | Check::Bounds | Check::Missing | Check::Decode
    )
}

enum Unit {
    Small(Vec<(PathBuf, Result<u64>)>),
    One(Step),
}
