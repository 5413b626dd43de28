//! Writing to the local disk: whole files or none, and nothing outside the target folder (CHK-023).

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crannog_core::check::Check;
use crannog_core::drive::{Attrs, NodeId, VersionId, check_name};
use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use crate::error::{Error, Result};

/// A name from the drive as one component of a local path (CHK-023). Core has checked it already; here the local system's rules count.
pub(crate) fn component(name: &str) -> Result<&OsStr> {
    let plain = check_name(name).is_ok() && name.len() <= 255 && Path::new(name).components().count() == 1;
    if plain {
        Ok(OsStr::new(name))
    } else {
        Err(Error::lied(Check::Name, format!("{name:?}")))
    }
}

/// Makes a folder, or takes one that is there; never a link to one (CHK-023). True if it is new.
pub(crate) fn folder(path: &Path, umask: u32) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(false),
        Ok(_) => Err(in_the_way(path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::DirBuilder::new()
                .mode(0o777 & !umask | 0o700)
                .create(path)
                .map_err(|error| Error::io(path, error))?;
            Ok(true)
        }
        Err(error) => Err(Error::io(path, error)),
    }
}

/// A file in the making, beside where it will be. It is removed unless it is finished (or kept for resuming).
pub(crate) struct Part {
    path: PathBuf,
    target: PathBuf,
    file: File,
    keep: bool,
}

impl Part {
    /// A part for one file that is written in one go.
    pub(crate) fn new(target: &Path, node: NodeId, version: VersionId) -> Result<Self> {
        Self::open(target, node, version, true)
    }

    /// The part of an earlier attempt at the same version, or a new one; it stays when the work is interrupted.
    pub(crate) fn resumable(target: &Path, node: NodeId, version: VersionId) -> Result<Self> {
        let mut part = Self::open(target, node, version, false)?;
        part.keep = true;
        Ok(part)
    }

    fn open(target: &Path, node: NodeId, version: VersionId, truncate: bool) -> Result<Self> {
        let mut name = OsString::from(".crannog-");
        name.push(format!("{node}-{version}.part"));
        let path = target.with_file_name(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(truncate)
            .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
            .mode(0o600)
            .open(&path)
            .map_err(|error| Error::io(&path, error))?;
        Ok(Self {
            path,
            target: target.to_owned(),
            file,
            keep: false,
        })
    }

    /// Its name in the transfer memory.
    pub(crate) fn key(&self) -> Vec<u8> {
        self.path.as_os_str().as_bytes().to_vec()
    }

    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(|error| Error::io(&self.path, error))
    }

    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        self.file
            .read_exact_at(bytes, offset)
            .map_err(|error| Error::io(&self.path, error))
    }

    /// Sets length, mode and time, and takes the target's place in one step.
    pub(crate) fn finish(mut self, size: u64, attrs: Attrs, umask: u32) -> Result<()> {
        let io = |error| Error::io(&self.path, error);
        self.file.set_len(size).map_err(io)?;
        let mode = Mode::from_bits_truncate(u32::from(attrs.mode) & 0o777 & !umask);
        nix::sys::stat::fchmod(&self.file, mode).map_err(|error| Error::io(&self.path, error.into()))?;
        let time = TimeSpec::new(attrs.mtime_s, i64::from(attrs.mtime_ns));
        nix::sys::stat::futimens(&self.file, &time, &time)
            .map_err(|error| Error::io(&self.path, error.into()))?;
        fs::rename(&self.path, &self.target).map_err(|error| Error::io(&self.target, error))?;
        self.keep = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.keep {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a link beside its place and moves it there.
pub(crate) fn symlink(target: &[u8], path: &Path, node: NodeId, attrs: Attrs) -> Result<()> {
    let new = path.with_file_name(format!(".crannog-{node}.link"));
    let _ = fs::remove_file(&new);
    std::os::unix::fs::symlink(OsStr::from_bytes(target), &new).map_err(|error| Error::io(&new, error))?;
    set_times(&new, attrs)?;
    fs::rename(&new, path).map_err(|error| {
        let _ = fs::remove_file(&new);
        Error::io(path, error)
    })
}

/// The last thing that is done to a folder: its own mode and time. A link that took its place is not followed (CHK-023).
pub(crate) fn finish_folder(path: &Path, attrs: Attrs, umask: u32) -> Result<()> {
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_DIRECTORY;
    let folder = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)
        .map_err(|error| Error::io(path, error))?;
    let mode = Mode::from_bits_truncate(u32::from(attrs.mode) & 0o777 & !umask);
    let time = TimeSpec::new(attrs.mtime_s, i64::from(attrs.mtime_ns));
    nix::sys::stat::fchmod(&folder, mode)
        .and_then(|()| nix::sys::stat::futimens(&folder, &time, &time))
        .map_err(|error| Error::io(path, error.into()))
}

fn set_times(path: &Path, attrs: Attrs) -> Result<()> {
    let time = TimeSpec::new(attrs.mtime_s, i64::from(attrs.mtime_ns));
    utimensat(
        nix::fcntl::AT_FDCWD,
        path,
        &time,
        &time,
        UtimensatFlags::NoFollowSymlink,
    )
    .map_err(|error| Error::io(path, error.into()))
}

pub(crate) fn in_the_way(path: &Path) -> Error {
    use crannog_agent_api::{Code, Failure};
    Error::User(
        Failure::new(
            Code::Conflict,
            "something else is in the way, and it is not followed or replaced",
        )
        .object(path.display().to_string())
        .hint("move it away, or choose another target"),
    )
}
