//! What lies in a local tree: names, kinds, times; no contents, and no link is followed.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crannog_agent_api::request::Filter;
use crannog_agent_api::{Code, Failure};
use crannog_core::drive::Attrs;
use ignore::WalkBuilder;
use ignore::overrides::OverrideBuilder;

use crate::db::FileStamp;
use crate::error::{Error, Result};

/// Rules for one folder and all below it, one glob a line, as in `.gitignore`.
pub(crate) const IGNORE_FILE: &str = ".crannogignore";

/// Something found on the local disk.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Where.
    pub(crate) path: PathBuf,
    /// Names below the source; empty for the source itself.
    pub(crate) names: Vec<String>,
    /// What.
    pub(crate) kind: FoundKind,
    /// Times and permissions.
    pub(crate) attrs: Attrs,
}

/// What it is.
#[derive(Debug, Clone)]
pub(crate) enum FoundKind {
    /// A folder.
    Directory,
    /// A file.
    File(FileStamp),
    /// A symbolic link and its target, as bytes.
    Symlink(Vec<u8>),
}

/// Looks at one path without following it.
pub(crate) fn look(path: &Path, names: Vec<String>) -> Result<Option<Found>> {
    let metadata = path.symlink_metadata().map_err(|error| Error::io(path, error))?;
    found(path.to_owned(), names, &metadata)
}

/// Walks a tree in the order of names, folders before what they hold; the source itself comes first. What cannot be
/// read goes to `failed` and the walk goes on. Sockets, pipes and devices go to `skipped`.
pub(crate) fn walk(
    source: &Path,
    filter: &Filter,
    mut each: impl FnMut(Found) -> Result<()>,
    mut failed: impl FnMut(Failure),
    mut skipped: impl FnMut(&Path),
) -> Result<()> {
    let mut builder = WalkBuilder::new(source);
    builder
        .standard_filters(false)
        .follow_links(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .overrides(overrides(source, filter)?)
        .sort_by_file_name(std::ffi::OsStr::cmp);
    for entry in builder.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                failed(
                    Failure::new(Code::LocalIo, error.to_string())
                        .hint("it was left out; check its permissions"),
                );
                continue;
            }
        };
        let path = entry.path().to_owned();
        let Some(names) = names_below(source, &path) else {
            failed(
                Failure::new(
                    Code::LocalIo,
                    "the name is not Unicode, so no other system could hold it",
                )
                .object(path.display().to_string())
                .hint("rename it, then put it again"),
            );
            continue;
        };
        match look(&path, names) {
            Ok(Some(found)) => each(found)?,
            Ok(None) => skipped(&path),
            Err(error) => failed(error.into()),
        }
    }
    Ok(())
}

/// The globs of a command; includes alone mean "only these".
fn overrides(source: &Path, filter: &Filter) -> Result<ignore::overrides::Override> {
    let bad = |glob: &str, error: ignore::Error| {
        Error::User(
            Failure::new(Code::Usage, error.to_string())
                .object(glob)
                .hint("globs are written as in .gitignore"),
        )
    };
    let mut builder = OverrideBuilder::new(source);
    for glob in &filter.include {
        builder.add(glob).map_err(|error| bad(glob, error))?;
    }
    for glob in &filter.exclude {
        builder
            .add(&format!("!{glob}"))
            .map_err(|error| bad(glob, error))?;
    }
    builder.build().map_err(|error| bad("", error))
}

fn names_below(source: &Path, path: &Path) -> Option<Vec<String>> {
    let rest = path.strip_prefix(source).ok()?;
    rest.iter().map(|name| name.to_str().map(str::to_owned)).collect()
}

fn found(path: PathBuf, names: Vec<String>, metadata: &Metadata) -> Result<Option<Found>> {
    let kind = if metadata.is_dir() {
        FoundKind::Directory
    } else if metadata.is_file() {
        FoundKind::File(stamp(metadata))
    } else if metadata.is_symlink() {
        let target = std::fs::read_link(&path).map_err(|error| Error::io(&path, error))?;
        FoundKind::Symlink(target.as_os_str().as_bytes().to_vec())
    } else {
        return Ok(None);
    };
    Ok(Some(Found {
        path,
        names,
        kind,
        attrs: attrs(metadata),
    }))
}

/// What tells that a file is still the same.
pub(crate) fn stamp(metadata: &Metadata) -> FileStamp {
    let nanos = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    FileStamp {
        size: metadata.len(),
        mtime: nanos(metadata.mtime(), metadata.mtime_nsec()),
        ctime: nanos(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
        device: metadata.dev(),
    }
}

fn attrs(metadata: &Metadata) -> Attrs {
    Attrs {
        mtime_s: metadata.mtime(),
        mtime_ns: u32::try_from(metadata.mtime_nsec()).unwrap_or(0),
        mode: (metadata.mode() & 0o777) as u16,
    }
}
