//! Requests that move bytes: put, get, cat, verify-store.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use crannog_agent_api::request::{Filter, PutSource};
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::drive::NodeId;
use tokio::sync::mpsc;

use super::change::{Place, check_name, now_attrs};
use super::spot::Spot;
use super::{is_folder, named, usage};
use crate::db::{RowKind, Transfers};
use crate::engine::Caller;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::{self, Flow, Report};

/// How often a put is tried whose blobs the server lost before it acknowledged them (a power cut).
const PUTS: usize = 3;
/// Steps planned ahead of the work.
const AHEAD: usize = 1024;

/// What a put was asked for.
pub(crate) struct PutRequest {
    pub(crate) sources: Vec<PutSource>,
    pub(crate) target: RemotePath,
    pub(crate) recursive: bool,
    pub(crate) filter: Filter,
    pub(crate) dry_run: bool,
}

/// What a get was asked for.
pub(crate) struct GetRequest {
    pub(crate) sources: Vec<RemotePath>,
    pub(crate) target: PathBuf,
    pub(crate) recursive: bool,
    pub(crate) filter: Filter,
    pub(crate) dry_run: bool,
    pub(crate) overwrite: bool,
}

impl Shared {
    pub(crate) async fn put(
        self: &Arc<Self>,
        request: PutRequest,
        flow: &Arc<Flow>,
        caller: &Caller,
    ) -> Result<Answer> {
        for _ in 1..PUTS {
            match self.try_put(&request, flow, caller).await {
                // What the server lost before it was acknowledged is sent again.
                Err(error) if error.is_missing_blobs() => tracing::info!(%error, "sent again"),
                result => return result,
            }
        }
        self.try_put(&request, flow, caller).await
    }

    async fn try_put(
        self: &Arc<Self>,
        request: &PutRequest,
        flow: &Arc<Flow>,
        caller: &Caller,
    ) -> Result<Answer> {
        flow.counts.reset();
        let spot = self.locate_to_change(&request.target).await?;
        let place = self.place(&spot, request.sources.len() > 1).await?;
        let landings = landings(request, &place)?;
        let shares = self.shares_below(&spot).await?;
        let own = landings
            .iter()
            .map(|landing| (place.journal.id, landing.parent, landing.name.clone()));
        let inner = shares
            .iter()
            .filter(|_| request.recursive)
            .map(|share| (share.id, NodeId::ROOT, None));
        let (_turn, waited) = tokio::select! {
            turn = self.turns.take(own.chain(inner).collect()) => turn,
            () = caller.cancel.cancelled() => return Err(transfer::interrupted()),
        };
        if waited {
            // The one before may have ended without knowing what became of its last entry.
            self.locate_to_change(&request.target).await?;
        }
        let mut journals = vec![place.journal];
        for share in shares {
            // What cannot be read on is passed over by the plan, if it comes to it.
            if !spot.mounts.is_closed(share.row) {
                self.be_current(&share).await?;
            }
            journals.push(share);
        }
        let limits = transfer::PutLimits::of(&journals);
        let mut report = Report::over(flow, caller, "uploading", request.dry_run);
        let totals = report.totals();
        let (sender, mut steps) = mpsc::channel(AHEAD);
        let (db, mounts, filter) = (self.db.clone(), spot.mounts, request.filter.clone());
        let planner = tokio::task::spawn_blocking(move || {
            landings.iter().try_for_each(|landing| {
                transfer::plan_put(&db, &mounts, &limits, landing, &filter, totals.clone(), &sender)
            })
        });
        let changed = if request.dry_run {
            while let Some(step) = steps.recv().await {
                report.would_put(step).await;
            }
            report.done()
        } else {
            transfer::put(self, &journals, steps, flow, report).await?
        };
        planner.await.map_err(Error::task)??;
        Ok(Answer::Changed(changed))
    }

    /// The drives that are mounted below a spot, or below the folder into which it would come.
    async fn shares_below(&self, spot: &Spot) -> Result<Vec<Arc<Journal>>> {
        let Some(seen) = spot.seen.clone() else {
            return Ok(Vec::new());
        };
        let shares = self.with_forest(&spot.mounts, move |forest| forest.shares(&seen));
        let shares = shares.await?.into_iter();
        shares.map(|share| self.numbered(share.drive)).collect()
    }

    pub(crate) async fn put_stdin(
        self: &Arc<Self>,
        target: RemotePath,
        dry_run: bool,
        flow: &Arc<Flow>,
        caller: &Caller,
    ) -> Result<Answer> {
        let spot = self.locate_to_change(&target).await?;
        let to = match &spot.seen {
            Some(seen) => match seen.row.kind {
                RowKind::File { current, .. } => {
                    spot.refuse_change()?;
                    transfer::Target::Write {
                        node: seen.row.node,
                        base: current,
                    }
                }
                _ => return Err(usage("the target is no file", &target, "give the name of a file")),
            },
            None => {
                let place = self.place(&spot, false).await?;
                let name = place
                    .name
                    .ok_or_else(|| usage("the target has no name", &target, "give the name of a file"))?;
                transfer::Target::Create {
                    node: transfer::fresh_node(),
                    parent: place.parent,
                    name,
                }
            }
        };
        let mut report = Report::over(flow, caller, "uploading", dry_run);
        let path = target.to_string();
        if dry_run {
            report.line("put", &path);
            return Ok(Answer::Changed(report.done()));
        }
        let mut input = caller.input.lock().await;
        let attrs = now_attrs(0o644);
        transfer::put_stdin(self, &spot.journal, to, attrs, &mut input, flow, &mut report).await?;
        report.line("put", &path);
        Ok(Answer::Changed(report.done()))
    }

    pub(crate) async fn get(
        self: &Arc<Self>,
        request: GetRequest,
        flow: &Arc<Flow>,
        caller: &Caller,
    ) -> Result<Answer> {
        let into = request.target.is_dir();
        if request.sources.len() > 1 && !into {
            return Err(Failure::new(Code::Usage, "the target is not a folder")
                .object(request.target.display().to_string())
                .hint("make it first, or get one thing at a time")
                .into());
        }
        let mut all = crannog_agent_api::answer::Changed {
            dry_run: request.dry_run,
            ..Default::default()
        };
        for path in &request.sources {
            let spot = self.locate(path).await?;
            let seen = spot.seen()?.clone();
            if is_folder(&seen.row) && !request.recursive {
                return Err(usage(
                    "it is a folder",
                    path,
                    "crannog get -r fetches it with all that it holds",
                ));
            }
            // A mount point is a folder like any other; only the top of a drive that is called by its own name has none to keep.
            let node = seen.seat.as_ref().map_or(seen.row.node, |seat| seat.node);
            let contents = path.trailing_slash || node == NodeId::ROOT;
            let key = request.target.as_os_str().as_bytes().to_vec();
            let goes_on = self.goes_on(&key, node).await?;
            let to = if into && !contents && !goes_on {
                request.target.join(transfer::component(&seen.row.name)?)
            } else {
                request.target.clone()
            };
            let begins = is_folder(&seen.row) && !into && !request.dry_run;
            if begins {
                let key = key.clone();
                self.db
                    .write(move |tx| Transfers(tx).save_landing(&key, &node))
                    .await?;
            }
            let landing = transfer::GetLanding {
                from: seen,
                to,
                overwrite: request.overwrite,
                dry_run: request.dry_run,
                umask: caller.umask,
                filter: request.filter.clone(),
            };
            let mut journals = self.shares_below(&spot).await?;
            journals.push(spot.journal);
            let mut report = Report::over(flow, caller, "downloading", request.dry_run);
            let totals = report.totals();
            let (sender, mut steps) = mpsc::channel(AHEAD);
            let (db, mounts) = (self.db.clone(), spot.mounts);
            let planner = tokio::task::spawn_blocking(move || {
                transfer::plan_get(&db, &mounts, &landing, totals, &sender)
            });
            let changed = if request.dry_run {
                while let Some(step) = steps.recv().await {
                    report.would_get(step).await;
                }
                report.done()
            } else {
                transfer::get(self, &journals, caller.umask, steps, flow, report).await?
            };
            planner.await.map_err(Error::task)??;
            if (begins || goes_on) && changed.failed == 0 && !request.dry_run {
                self.db
                    .write(move |tx| Transfers(tx).forget_landing(&key))
                    .await?;
            }
            add(&mut all, changed);
        }
        Ok(Answer::Changed(all))
    }

    /// Whether a get that did not end began to make the target from this node.
    async fn goes_on(&self, target: &[u8], node: NodeId) -> Result<bool> {
        let target = target.to_vec();
        let begun = self.db.read(move |c| Transfers(c).landing(&target)).await?;
        Ok(begun == Some(node))
    }

    pub(crate) async fn cat(
        self: &Arc<Self>,
        path: RemotePath,
        version: Option<String>,
        flow: &Arc<Flow>,
        caller: &Caller,
    ) -> Result<Answer> {
        let spot = self.locate(&path).await?;
        let (version, _) = self.version_of(&spot, version.as_deref()).await?;
        let fetcher = transfer::Fetcher::over(self, &spot.journal, flow);
        let name = path.to_string();
        let output = &caller.output;
        flow.counts
            .bytes_total
            .store(version.content.size, Ordering::Relaxed);
        let sent = transfer::stream(&fetcher, &version.content, |bytes| async move {
            let len = bytes.len() as u64;
            flow.counts.bytes.fetch_add(len, Ordering::Relaxed);
            output.send(Bytes::from(bytes)).await.is_ok()
        });
        let complete = sent.await.map_err(|error| named(error, &name))?;
        if complete {
            Ok(Answer::Ok)
        } else {
            Err(transfer::interrupted())
        }
    }

    pub(crate) async fn verify_store(
        self: &Arc<Self>,
        drive: Option<String>,
        repair_from: Vec<PathBuf>,
        flow: &Arc<Flow>,
        caller: &Caller,
    ) -> Result<Answer> {
        let journals = match drive {
            Some(name) => vec![self.open_drive(Some(&name)).await?],
            None => self
                .home()
                .drives()
                .filter_map(|drive| self.journal(&drive.journal))
                .collect(),
        };
        let mut findings = Vec::new();
        for journal in journals {
            self.refuse_frozen(&journal).await?;
            findings.extend(transfer::verify(self, &journal, &repair_from, caller, flow).await?);
        }
        Ok(Answer::Findings(findings))
    }
}

/// Where each source of a put goes.
fn landings(request: &PutRequest, place: &Place) -> Result<Vec<transfer::PutLanding>> {
    let landing = |source: &PutSource| {
        let metadata = source
            .path
            .symlink_metadata()
            .map_err(|error| Error::io(&source.path, error))?;
        let folder = metadata.is_dir() || (source.contents && source.path.is_dir());
        if folder && !request.recursive {
            return Err(Failure::new(Code::Usage, "it is a folder")
                .object(source.path.display().to_string())
                .hint("crannog put -r sends it with all that it holds")
                .into());
        }
        let (name, shown_name) = match (&place.name, folder && source.contents) {
            (Some(name), _) => (Some(name.clone()), place.shown_name.clone()),
            (None, true) => (None, None),
            (None, false) => (Some(own_name(source)?), None),
        };
        if let Some(name) = &name {
            check_name(name, &request.target)?;
        }
        Ok(transfer::PutLanding {
            source: source.path.clone(),
            way: place.way.clone(),
            parent: place.parent,
            parent_is_new: false,
            name,
            shown_name,
            path: place.parent_path.clone(),
            recursive: folder,
        })
    };
    request.sources.iter().map(landing).collect()
}

fn own_name(source: &PutSource) -> Result<String> {
    let name = source.path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| {
        Failure::new(Code::Usage, "the name is not Unicode")
            .object(source.path.display().to_string())
            .into()
    })
}

pub(super) fn add(all: &mut crannog_agent_api::answer::Changed, more: crannog_agent_api::answer::Changed) {
    all.files += more.files;
    all.folders += more.folders;
    all.unchanged += more.unchanged;
    all.bytes += more.bytes;
    all.failed += more.failed;
    all.plan.extend(more.plan);
}
