//! Downloading: the plan comes from the local database alone; bytes are verified before they are written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crannog_agent_api::answer::Changed;
use crannog_agent_api::request::Filter;
use crannog_agent_api::{Code, Failure};
use crannog_core::content::{CHUNK, Chunk, Chunks, OpenedPack, chunk_len};
use crannog_core::drive::{Attrs, NodeId, Version};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use ignore::gitignore::GitignoreBuilder;
use ignore::overrides::{Override, OverrideBuilder};
use tokio::sync::mpsc;

use super::Report;
use super::content::{Fetcher, lied};
use super::local::{self, Part};
use super::scan;
use crate::db::{ChunkHash, Db, DriveStore, NodeRow, RowKind, Transfers};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;

const GROUP_FILES: usize = 64;
const GROUP_BYTES: u64 = 1024 * 1024;
/// Groups under way at once.
const GROUPS: usize = 4;
/// Chunks of a large file under way at once.
const CHUNKS: usize = 4;

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
    pub(crate) local: PathBuf,
    pub(crate) node: NodeId,
    pub(crate) version: Version,
}

/// Where a remote node goes.
#[derive(Debug, Clone)]
pub(crate) struct Landing {
    pub(crate) from: NodeRow,
    pub(crate) to: PathBuf,
    pub(crate) overwrite: bool,
    pub(crate) dry_run: bool,
    pub(crate) umask: u32,
    pub(crate) filter: Filter,
}

/// Compares one remote tree with the local disk and sends the steps; makes folders. Blocking.
pub(crate) fn plan(
    db: &Db,
    drive: i64,
    landing: &Landing,
    totals: (Arc<AtomicU64>, Arc<AtomicU64>),
    steps: &mpsc::Sender<Step>,
) -> Result<()> {
    let planner = Planner {
        db,
        drive,
        landing,
        totals,
        steps,
        wanted: wanted(landing)?,
    };
    let mut stack = vec![(landing.from.clone(), landing.to.clone())];
    while let Some((row, path)) = stack.pop() {
        match planner.node(&row, &path) {
            Ok(true) => {
                let children = db.read_blocking(|c| DriveStore::new(c, drive).list(row.node))?;
                for child in children.into_iter().rev() {
                    match local::component(&child.name) {
                        Ok(name) => stack.push((child.clone(), path.join(name))),
                        Err(error) => planner.send(Step::Failed(error.into()))?,
                    }
                }
            }
            Ok(false) => {}
            Err(error @ (Error::Io { .. } | Error::User(_) | Error::Lied { .. })) => {
                planner.send(Step::Failed(error.into()))?
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
    drive: i64,
    landing: &'a Landing,
    totals: (Arc<AtomicU64>, Arc<AtomicU64>),
    steps: &'a mpsc::Sender<Step>,
    wanted: Override,
}

impl Planner<'_> {
    fn send(&self, step: Step) -> Result<()> {
        self.steps.blocking_send(step).map_err(|_| super::interrupted())
    }

    /// True for a folder whose contents come next.
    fn node(&self, row: &NodeRow, path: &Path) -> Result<bool> {
        let directory = row.kind == RowKind::Directory;
        if path != self.landing.to && self.wanted.matched(path, directory).is_ignore() {
            return Ok(false);
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
            RowKind::File { size, .. } => self.file(row, *size, path).map(|()| false),
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
                self.may_overwrite(path)?;
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

    fn file(&self, row: &NodeRow, size: u64, path: &Path) -> Result<()> {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => {
                let stamp = scan::stamp(&metadata);
                let mtime = i128::from(row.attrs.mtime_s) * 1_000_000_000 + i128::from(row.attrs.mtime_ns);
                if stamp.size == size && stamp.mtime == mtime {
                    return self.send(Step::Unchanged);
                }
                self.may_overwrite(path)?;
            }
            Ok(_) => return Err(local::in_the_way(path)),
            Err(_) => {}
        }
        let (drive, node) = (self.drive, row.node);
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
            local: path.to_owned(),
            node,
            version,
        })))
    }

    fn may_overwrite(&self, path: &Path) -> Result<()> {
        if self.landing.overwrite {
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
}

/// Fetches everything that the steps ask for.
pub(crate) async fn get(
    shared: &Arc<Shared>,
    journal: &Arc<Journal>,
    umask: u32,
    steps: mpsc::Receiver<Step>,
    mut report: Report<'_>,
) -> Result<Changed> {
    let fetcher = Fetcher::new(shared, journal);
    let mut folders = Vec::new();
    let work = |group| {
        // Tasks of their own: while a large file is fetched nobody polls them here, and it may wait for a pack that one of them fetches.
        let task = match group {
            Group::Small(steps) => {
                let fetcher = fetcher.clone();
                let task = tokio::spawn(async move { small(&fetcher, steps, umask).await });
                Err(Task(task))
            }
            Group::One(step) => Ok(Unit::One(step)),
        };
        async move {
            match task {
                Ok(unit) => Ok(unit),
                Err(mut task) => (&mut task.0).await.map(Unit::Small).map_err(Error::task),
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
                        Err(error) => lied_or_failed(&mut report, &path, error).await?,
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
                match large(shared, &fetcher, *step, umask, &report).await {
                    Ok(size) => {
                        report.changed.files += 1;
                        report.changed.bytes += size;
                        report.moved(1, 0);
                        report.line("get", &path.display().to_string());
                    }
                    Err(error) => lied_or_failed(&mut report, &path, error).await?,
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
    Ok(report.done())
}

/// Ends with whoever waits for it.
struct Task<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn finished(report: &mut Report<'_>, path: &Path, size: u64) {
    report.changed.files += 1;
    report.changed.bytes += size;
    report.moved(1, size);
    report.line("get", &path.display().to_string());
}

/// A lie is named with the file it concerns, and ends the work: nobody should go on with such a server.
async fn lied_or_failed(report: &mut Report<'_>, path: &Path, error: Error) -> Result<()> {
    match error {
        Error::Lied { check, object } => Err(Error::lied(check, format!("{} ({object})", path.display()))),
        other => report.failed_or_stop(other).await,
    }
}

enum Group {
    Small(Vec<FileStep>),
    One(Step),
}

enum Unit {
    Small(Vec<(PathBuf, Result<u64>)>),
    One(Step),
}

fn groups(steps: mpsc::Receiver<Step>) -> impl Stream<Item = Group> {
    stream::unfold((steps, None), |(mut steps, held): (_, Option<Step>)| async move {
        let first = match held {
            Some(step) => step,
            None => steps.recv().await?,
        };
        let mut small = match first {
            Step::File(step) if is_small(&step) => vec![*step],
            other => return Some((Group::One(other), (steps, None))),
        };
        let mut bytes = small.first().map_or(0, |step| step.version.content.size);
        while small.len() < GROUP_FILES && bytes < GROUP_BYTES {
            match steps.try_recv() {
                Ok(Step::File(step)) if is_small(&step) => {
                    bytes += step.version.content.size;
                    small.push(*step);
                }
                Ok(other) => return Some((Group::Small(small), (steps, Some(other)))),
                Err(_) => break,
            }
        }
        Some((Group::Small(small), (steps, None)))
    })
}

fn is_small(step: &FileStep) -> bool {
    step.version.content.size < CHUNK
}

/// A few small files: their packs are fetched, then one thread opens and writes them all.
async fn small(fetcher: &Fetcher, steps: Vec<FileStep>, umask: u32) -> Vec<(PathBuf, Result<u64>)> {
    let mut ready = Vec::with_capacity(steps.len());
    for step in steps {
        let source = source(fetcher, &step.version).await;
        ready.push((step, source));
    }
    let written = tokio::task::spawn_blocking(move || {
        let one = |(step, source): (FileStep, Result<Bytes>)| {
            let result = source.and_then(|source| write_small(&step, source, umask));
            (step.local, result)
        };
        ready.into_iter().map(one).collect()
    });
    written.await.unwrap_or_default()
}

/// Where the only piece of a small file comes from.
enum Bytes {
    Empty,
    Pack(Arc<OpenedPack>, Chunk),
    Plain(Vec<u8>),
}

async fn source(fetcher: &Fetcher, version: &Version) -> Result<Bytes> {
    let Chunks::Inline(chunks) = &version.content.chunks else {
        return Ok(Bytes::Empty);
    };
    let Some(chunk) = chunks.first() else {
        return Ok(Bytes::Empty);
    };
    match &chunk.slot {
        Some(slot) => Ok(Bytes::Pack(
            fetcher.pack(chunk.blob, &slot.key).await?,
            chunk.clone(),
        )),
        None => Ok(Bytes::Plain(fetcher.chunk(chunk, version.content.size, 0).await?)),
    }
}

fn write_small(step: &FileStep, source: Bytes, umask: u32) -> Result<u64> {
    let size = step.version.content.size;
    let bytes = match source {
        Bytes::Empty => Vec::new(),
        Bytes::Pack(pack, chunk) => pack
            .chunk(&chunk, size, 0)
            .map_err(|check| lied(check, chunk.blob))?,
        Bytes::Plain(bytes) => bytes,
    };
    let part = Part::new(&step.local, step.node, step.version.version)?;
    part.write_at(&bytes, 0)?;
    part.finish(size, step.version.attrs, umask)?;
    Ok(size)
}

/// A large file: chunks in parallel into a part file, which survives an interruption.
async fn large(
    shared: &Arc<Shared>,
    fetcher: &Fetcher,
    step: FileStep,
    umask: u32,
    report: &Report<'_>,
) -> Result<u64> {
    let size = step.version.content.size;
    let chunks = fetcher.chunks(&step.version.content).await?;
    let part = Arc::new(Part::resumable(&step.local, step.node, step.version.version)?);
    let key = part.key();
    let have = present(shared, &part, size).await?;
    let fetch = |(index, chunk): (u64, Chunk)| {
        let (part, shared, key, have) = (
            Arc::clone(&part),
            Arc::clone(shared),
            key.clone(),
            have.contains(&index),
        );
        async move {
            let len = chunk_len(size, index).unwrap_or(0);
            if !have {
                let bytes = fetcher.chunk(&chunk, size, index).await?;
                let hash_key = shared.hash_key.clone();
                let written = tokio::task::spawn_blocking(move || {
                    part.write_at(&bytes, index * CHUNK)?;
                    Ok::<ChunkHash, Error>(hash_key.hash(&bytes))
                });
                let hash = written.await.map_err(Error::task)??;
                shared
                    .db
                    .write(move |tx| Transfers(tx).save_fetched(&key, index, &hash))
                    .await?;
            }
            Ok::<u64, Error>(len)
        }
    };
    let mut lens = stream::iter((0..).zip(chunks))
        .map(fetch)
        .buffer_unordered(CHUNKS);
    while let Some(len) = lens.try_next().await? {
        report.moved(0, len);
        report.check_cancel()?;
    }
    drop(lens);
    let attrs = step.version.attrs;
    let finished = tokio::task::spawn_blocking(move || match Arc::into_inner(part) {
        Some(part) => part.finish(size, attrs, umask),
        None => Err(super::seal::internal("a part file is still in use")),
    });
    finished.await.map_err(Error::task)??;
    shared
        .db
        .write(move |tx| Transfers(tx).forget_fetched(&key))
        .await?;
    Ok(size)
}

/// The chunks that an earlier attempt left in the part file: those whose bytes still have the hash that was noted.
async fn present(shared: &Arc<Shared>, part: &Arc<Part>, size: u64) -> Result<Vec<u64>> {
    let key = part.key();
    let noted = shared.db.read(move |c| Transfers(c).fetched(&key)).await?;
    let (part, hash_key) = (Arc::clone(part), shared.hash_key.clone());
    let found = tokio::task::spawn_blocking(move || {
        let mut buffer = Vec::new();
        let mut holds = |(index, hash): &(u64, ChunkHash)| {
            let len = chunk_len(size, *index).unwrap_or(0);
            buffer.resize(usize::try_from(len).unwrap_or(0), 0);
            part.read_at(&mut buffer, index * CHUNK).is_ok() && hash_key.hash(&buffer) == *hash
        };
        noted
            .into_iter()
            .filter(|noted| holds(noted))
            .map(|(index, _)| index)
            .collect()
    });
    found.await.map_err(Error::task)
}
