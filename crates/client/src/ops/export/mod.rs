//! Everything that the account can read, as plain files and plain JSON (`docs/use/export.md`).

mod place;
mod plan;
mod records;
mod stamp;

use std::path::PathBuf;
use std::sync::Arc;

use crannog_agent_api::answer::Changed;
use crannog_agent_api::request::Filter;
use crannog_agent_api::{Answer, Code, Event, Failure};
use crannog_core::drive::NodeId;
use tokio::sync::mpsc;

use super::transfers::add;
use crate::db::{Mounts, Seen};
use crate::engine::Caller;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::{self, Flow, GetLanding, GetStep, Report, Totals};
use place::Place;
use plan::{Old, old_versions};

/// Steps planned ahead of the work.
const AHEAD: usize = 1024;

/// What an export was asked for.
#[derive(Debug, Clone)]
pub(crate) struct ExportRequest {
    pub(crate) to: PathBuf,
    pub(crate) history: bool,
    pub(crate) trash: bool,
    pub(crate) overwrite: bool,
    pub(crate) dry_run: bool,
}

/// A drive, and the name of its folders.
struct Exported {
    journal: Arc<Journal>,
    /// As home calls it.
    name: String,
    folder: String,
}

impl Shared {
    /// Writes all that can be read, and names what can't.
    pub(crate) async fn export(
        self: &Arc<Self>,
        request: ExportRequest,
        flow: &Arc<Flow>,
        caller: &Caller,
    ) -> Result<Answer> {
        let place = Place::take(&request.to, &self.identity.account, request.dry_run)?;
        let drives = self.drives_to_export();
        let mut all = Changed {
            dry_run: request.dry_run,
            ..Changed::default()
        };
        self.write_records(&place, &drives, &mut all, caller).await?;
        for drive in &drives {
            let exported = self
                .export_drive(&place, drive, &request, flow, caller, &mut all)
                .await;
            if let Err(error) = exported {
                self.named_or_stop(error, &drive.name, &mut all, caller).await?;
            }
        }
        Ok(Answer::Changed(all))
    }

    /// All drives that home knows, each under a name that no other has, also where capitals do not count.
    fn drives_to_export(&self) -> Vec<Exported> {
        let home = self.home();
        let mut drives: Vec<Exported> = Vec::new();
        for drive in home.drives() {
            let Some(journal) = self.journal(&drive.journal) else {
                continue;
            };
            let name = drive.name.unwrap_or("unnamed").to_owned();
            let id = drive.journal.to_string();
            let plain = transfer::component(&name).is_ok() && !name.starts_with('.');
            let taken = |other: &Exported| other.folder.to_lowercase() == name.to_lowercase();
            let folder = match plain && !drives.iter().any(taken) {
                true => name.clone(),
                false => id,
            };
            drives.push(Exported {
                journal,
                name,
                folder,
            });
        }
        drives
    }

    async fn export_drive(
        self: &Arc<Self>,
        place: &Place,
        drive: &Exported,
        request: &ExportRequest,
        flow: &Arc<Flow>,
        caller: &Caller,
        all: &mut Changed,
    ) -> Result<()> {
        self.refuse_frozen(&drive.journal).await?;
        place.folder(&["drives"])?;
        let to = place.top.join("drives").join(&drive.folder);
        let (mounts, row) = (Arc::new(Mounts::default()), drive.journal.row);
        let found = self.with_forest(&mounts, move |forest| forest.resolve(row, &[]));
        let top = found.await?.seen;
        let landings = top.map(|from| Ok(landing(from, to, request, caller)));
        let trees = self.export_trees(drive, landings.into_iter().collect(), flow, caller, all);
        let mut first = None;
        goes_on(trees.await, &mut first)?;
        if request.trash {
            let landings = self.trashed(place, drive, request, caller).await?;
            let trash = self.export_trees(drive, landings, flow, caller, all);
            goes_on(trash.await, &mut first)?;
        }
        if request.history {
            let history = self.export_history(place, drive, request, flow, caller, all);
            goes_on(history.await, &mut first)?;
        }
        first.map_or(Ok(()), Err)
    }

    /// What lies in the trash of a drive: each thing under its own name in a folder that is called by its id, or why it can't lie there.
    async fn trashed(
        &self,
        place: &Place,
        drive: &Exported,
        request: &ExportRequest,
        caller: &Caller,
    ) -> Result<Vec<Result<GetLanding, Failure>>> {
        let rows = self.with_drive(&drive.journal, |drive| {
            let mut rows = Vec::new();
            drive.trash(&mut |row| {
                rows.push(row);
                Ok(())
            })?;
            Ok(rows)
        });
        let mut landings = Vec::new();
        for row in rows.await? {
            let name = match transfer::component(&row.name) {
                Ok(name) => name.to_owned(),
                Err(error) => {
                    landings.push(Err(error.into()));
                    continue;
                }
            };
            let folder = place.folder(&["trash", &drive.folder, &row.node.to_string()])?;
            let to = folder.join(name);
            let from = Seen {
                way: Arc::new([drive.journal.row]),
                row,
                seat: None,
            };
            landings.push(Ok(landing(from, to, request, caller)));
        }
        Ok(landings)
    }

    async fn export_trees(
        self: &Arc<Self>,
        drive: &Exported,
        landings: Vec<Result<GetLanding, Failure>>,
        flow: &Arc<Flow>,
        caller: &Caller,
        all: &mut Changed,
    ) -> Result<()> {
        let db = self.db.clone();
        let plan = move |totals: Totals, steps: mpsc::Sender<GetStep>| {
            let mounts = Mounts::default();
            landings.into_iter().try_for_each(|landing| match landing {
                Ok(landing) => transfer::plan_get(&db, &mounts, &landing, totals.clone(), &steps),
                Err(failure) => steps
                    .blocking_send(GetStep::Failed(failure))
                    .map_err(|_| transfer::interrupted()),
            })
        };
        self.export_steps(drive, plan, flow, caller, all).await
    }

    async fn export_history(
        self: &Arc<Self>,
        place: &Place,
        drive: &Exported,
        request: &ExportRequest,
        flow: &Arc<Flow>,
        caller: &Caller,
        all: &mut Changed,
    ) -> Result<()> {
        let old = Old {
            db: self.db.clone(),
            drive: drive.journal.row,
            to: place.folder(&["history", &drive.folder])?,
            overwrite: request.overwrite,
            dry_run: request.dry_run,
        };
        let plan = move |totals: Totals, steps: mpsc::Sender<GetStep>| old_versions(&old, &totals, &steps);
        self.export_steps(drive, plan, flow, caller, all).await
    }

    async fn export_steps(
        self: &Arc<Self>,
        drive: &Exported,
        plan: impl FnOnce(Totals, mpsc::Sender<GetStep>) -> Result<()> + Send + 'static,
        flow: &Arc<Flow>,
        caller: &Caller,
        all: &mut Changed,
    ) -> Result<()> {
        let mut report = Report::over(flow, caller, "exporting", all.dry_run);
        let totals = report.totals();
        let (sender, mut steps) = mpsc::channel(AHEAD);
        let planner = tokio::task::spawn_blocking(move || plan(totals, sender));
        let changed = if all.dry_run {
            while let Some(step) = steps.recv().await {
                report.would_get(step).await;
            }
            report.done()
        } else {
            let journals = [Arc::clone(&drive.journal)];
            transfer::get(self, &journals, caller.umask, steps, flow, report).await?
        };
        planner.await.map_err(Error::task)??;
        add(all, changed);
        Ok(())
    }

    /// One drive that cannot be read is named, and the others are exported; what would end each of them ends the whole.
    async fn named_or_stop(
        &self,
        error: Error,
        object: &str,
        all: &mut Changed,
        caller: &Caller,
    ) -> Result<()> {
        let mut failure: Failure = error.into();
        match failure.code {
            Code::Interrupted
            | Code::Cancelled
            | Code::Locked
            | Code::TryAgain
            | Code::WrongCredentials
            | Code::LocalState
            | Code::LocalIo => return Err(failure.into()),
            _ => {}
        }
        let what = failure.object.take();
        failure.object = Some(match what {
            Some(what) if what != object => format!("{object}: {what}"),
            _ => object.to_owned(),
        });
        all.failed += 1;
        let _ = caller.events.send(Event::Failed(failure)).await;
        Ok(())
    }
}

/// What a member planted in one file is told when the rest of the drive is out, old versions and trash included.
fn goes_on(result: Result<()>, first: &mut Option<Error>) -> Result<()> {
    match result {
        Err(Error::Lied { check, object }) if transfer::a_member_can(check) => {
            first.get_or_insert(Error::Lied { check, object });
            Ok(())
        }
        other => other,
    }
}

fn landing(from: Seen, to: PathBuf, request: &ExportRequest, caller: &Caller) -> GetLanding {
    GetLanding {
        from,
        to,
        overwrite: request.overwrite,
        dry_run: request.dry_run,
        umask: caller.umask,
        filter: Filter::default(),
    }
}

/// Where everything of a drive begins.
const TOP: NodeId = NodeId::ROOT;
