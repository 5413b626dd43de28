//! What a get has to do: the local database held against the local disk, folder by folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crannog_agent_api::request::Filter;
use crannog_agent_api::{Code, Failure};
use crannog_core::content::CHUNK;
use crannog_core::drive::{Attrs, NodeId, Version};
use ignore::gitignore::GitignoreBuilder;
use ignore::overrides::{Override, OverrideBuilder};
use tokio::sync::mpsc;

use super::super::content::Fetcher;
use super::super::{groups, interrupted, local, scan};
use crate::db::{Db, DriveStore, Forest, Mounts, NodeRow, Opened, RowKind, Seen};
use crate::error::{Error, Result};

/// Files and bytes that are expected.
pub(crate) type Totals = (Arc<AtomicU64>, Arc<AtomicU64>);

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Step {
    /// A folder is there (again); its attributes come last.
    Folder { path: PathBuf, attrs: Attrs, new: bool },
    /// A link to make.
    Symlink {
        path: PathBuf,
        target: Vec<u8>,
        node: NodeId,
        attrs: Attrs,
    },
    /// A file to fetch.
    File(Box<FileStep>),
    /// It is there already, with this size and time.
    Unchanged,
    /// One object failed.
    Failed(Failure),
}

/// A file to fetch.
#[derive(Debug)]
pub(crate) struct FileStep {
    /// The drive that has it.
    pub(crate) drive: i64,
    pub(crate) local: PathBuf,
    pub(crate) node: NodeId,
    pub(crate) version: Version,
}

impl groups::Step for Step {
    type File = FileStep;

    fn small(self) -> std::result::Result<(FileStep, u64), Self> {
        match self {
            Self::File(step) if step.version.content.size < CHUNK => {
                let size = step.version.content.size;
                Ok((*step, size))
            }
            other => Err(other),
        }
    }
}

/// Where a remote node goes.
#[derive(Debug, Clone)]
pub(crate) struct Landing {
    pub(crate) from: Seen,
    pub(crate) to: PathBuf,
    pub(crate) overwrite: bool,
    pub(crate) dry_run: bool,
    pub(crate) umask: u32,
    pub(crate) filter: Filter,
}

/// Compares one remote tree with the local disk and sends the steps; makes folders. Blocking.
pub(crate) fn plan(
    db: &Db,
    mounts: &Mounts,
    landing: &Landing,
    totals: Totals,
    steps: &mpsc::Sender<Step>,
) -> Result<()> {
    let planner = Planner {
        db,
        mounts,
        landing,
        totals,
        steps,
        wanted: wanted(landing)?,
    };
    // Of each folder on the way down a few rows are in memory.
    let mut open: Vec<(Opened, PathBuf)> = Vec::new();
    let mut next = Some((landing.from.clone(), landing.to.clone()));
    loop {
        if let Some((seen, path)) = next.take() {
            match planner.node(&seen, &path) {
                Ok(true) => {
                    let opened = db.read_blocking(|c| Ok(Forest::new(c, mounts).open(&seen)))?;
                    open.push((opened, path));
                }
                Ok(false) => {}
                Err(error) => planner.failed(error)?,
            }
        }
        let Some((folder, path)) = open.last_mut() else {
            return Ok(());
        };
        match db.read_blocking(|c| Forest::new(c, mounts).next(folder))? {
            Some(child) => match landing_place(path, &child.row.name) {
                Ok(path) => next = Some((child, path)),
                Err(error) => planner.failed(error)?,
            },
            None => drop(open.pop()),
        }
    }
}

/// Where a child goes, if the local system can have it there at all.
fn landing_place(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(local::component(name)?);
    if path.as_os_str().len() <= local::PATH_LONGEST {
        return Ok(path);
    }
    Err(
        Failure::new(Code::LocalIo, "this path is too long for the local system")
            .object(path.display().to_string())
            .hint("get the folders far below by themselves")
            .into(),
    )
}

fn wanted(landing: &Landing) -> Result<Override> {
    let usage = |error: ignore::Error| Error::User(Failure::new(Code::Usage, error.to_string()));
    // Checks the globs as `.gitignore` would.
    GitignoreBuilder::new(&landing.to).build().map_err(usage)?;
    let mut builder = OverrideBuilder::new(&landing.to);
    for glob in &landing.filter.include {
        builder.add(glob).map_err(usage)?;
    }
    for glob in &landing.filter.exclude {
        builder.add(&format!("!{glob}")).map_err(usage)?;
    }
    builder.build().map_err(usage)
}

struct Planner<'a> {
    db: &'a Db,
    mounts: &'a Mounts,
    landing: &'a Landing,
    totals: Totals,
    steps: &'a mpsc::Sender<Step>,
    wanted: Override,
}

impl Planner<'_> {
    fn send(&self, step: Step) -> Result<()> {
        self.steps.blocking_send(step).map_err(|_| interrupted())
    }

    /// What concerns one node alone is told, and the rest goes on.
    fn failed(&self, error: Error) -> Result<()> {
        match error {
            error @ (Error::Io { .. } | Error::User(_) | Error::Lied { .. }) => {
                self.send(Step::Failed(error.into()))
            }
            error => Err(error),
        }
    }

    /// True for a folder whose contents come next.
    fn node(&self, seen: &Seen, path: &Path) -> Result<bool> {
        let row = &seen.row;
        let directory = row.kind == RowKind::Directory;
        if path != self.landing.to && self.wanted.matched(path, directory).is_ignore() {
            return Ok(false);
        }
        if self.mounts.is_closed(seen.drive()) {
            return Err(stopped(path));
        }
        match &row.kind {
            RowKind::Directory => {
                let new = !self.landing.dry_run && local::folder(path, self.landing.umask)?;
                let new = new || (self.landing.dry_run && !path.is_dir());
                self.send(Step::Folder {
                    path: path.to_owned(),
                    attrs: row.attrs,
                    new,
                })?;
                Ok(true)
            }
            RowKind::Symlink(target) => self.symlink(row, target, path).map(|()| false),
            RowKind::File { size, .. } => self.file(seen, *size, path).map(|()| false),
        }
    }

    fn symlink(&self, row: &NodeRow, target: &[u8], path: &Path) -> Result<()> {
        use std::os::unix::ffi::OsStrExt;
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => {
                let same = std::fs::read_link(path).is_ok_and(|old| old.as_os_str().as_bytes() == target);
                if same {
                    return self.send(Step::Unchanged);
                }
                may_overwrite(path, self.landing.overwrite)?;
            }
            Ok(_) => return Err(local::in_the_way(path)),
            Err(_) => {}
        }
        self.send(Step::Symlink {
            path: path.to_owned(),
            target: target.to_vec(),
            node: row.node,
            attrs: row.attrs,
        })
    }

    fn file(&self, seen: &Seen, size: u64, path: &Path) -> Result<()> {
        if seen.is_awaited() {
            return Err(not_there_yet(path));
        }
        let row = &seen.row;
        if is_there(path, size, row.attrs, self.landing.overwrite)? {
            return self.send(Step::Unchanged);
        }
        let (drive, node) = (seen.drive(), row.node);
        let version = self
            .db
            .read_blocking(|c| DriveStore::new(c, drive).current(node))?;
        let Some(mut version) = version else { return Ok(()) };
        // Attributes may have been set after the version was written.
        version.attrs = row.attrs;
        Fetcher::check_shape(&version.content)?;
        self.totals.0.fetch_add(1, Ordering::Relaxed);
        self.totals.1.fetch_add(size, Ordering::Relaxed);
        self.send(Step::File(Box::new(FileStep {
            drive,
            local: path.to_owned(),
            node,
            version,
        })))
    }
}

/// A version under a name of its own.
pub(crate) fn version(
    drive: i64,
    node: NodeId,
    version: Version,
    local: PathBuf,
    overwrite: bool,
    totals: &Totals,
) -> Result<Step> {
    let size = version.content.size;
    if is_there(&local, size, version.attrs, overwrite)? {
        return Ok(Step::Unchanged);
    }
    Fetcher::check_shape(&version.content)?;
    totals.0.fetch_add(1, Ordering::Relaxed);
    totals.1.fetch_add(size, Ordering::Relaxed);
    Ok(Step::File(Box::new(FileStep {
        drive,
        local,
        node,
        version,
    })))
}

/// Whether a file with this size and time is there already; refuses what may not be replaced.
fn is_there(path: &Path, size: u64, attrs: Attrs, overwrite: bool) -> Result<bool> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => {
            let stamp = scan::stamp(&metadata);
            let mtime = i128::from(attrs.mtime_s) * 1_000_000_000 + i128::from(attrs.mtime_ns);
            let same = stamp.size == size && stamp.mtime == mtime;
            if !same {
                may_overwrite(path, overwrite)?;
            }
            Ok(same)
        }
        Ok(_) => Err(local::in_the_way(path)),
        Err(_) => Ok(false),
    }
}

fn may_overwrite(path: &Path, overwrite: bool) -> Result<()> {
    if overwrite {
        return Ok(());
    }
    Err(Error::User(
        Failure::new(
            Code::Conflict,
            "the local file differs from the drive's and was left as it is",
        )
        .object(path.display().to_string())
        .hint("--overwrite replaces it"),
    ))
}

fn stopped(path: &Path) -> Error {
    Error::User(
        Failure::new(
            Code::VerificationFailed,
            "an alarm stopped this share: it was passed over",
        )
        .object(path.display().to_string())
        .hint(crate::ops::LOOK),
    )
}

fn not_there_yet(path: &Path) -> Error {
    Error::User(
        Failure::new(Code::NotFound, "the shared file is not there yet")
            .object(path.display().to_string())
            .hint("it comes with the next change of whoever shares it"),
    )
}
