//! Names, folders and links on the local disk; nothing outside the target folder (CHK-023).

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crannog_agent_api::{Code, Failure};
use crannog_core::check::Check;
use crannog_core::drive::{Attrs, NodeId, check_name};
use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use crate::error::{Error, Result};

/// Bytes of the longest name that Linux file systems hold.
const LONGEST: usize = 255;

/// A name from the drive as one component of a local path (CHK-023). Core has checked it already; here the local system's rules count.
pub(crate) fn component(name: &str) -> Result<&OsStr> {
    let plain = check_name(name).is_ok() && Path::new(name).components().count() == 1;
    if !plain {
        return Err(Error::lied(Check::Name, format!("{name:?}")));
    }
    if name.len() > LONGEST {
        return Err(
            Failure::new(Code::LocalIo, "this name is too long for the local disk")
                .object(name)
                .hint("get it by itself, to a shorter name of your choice, or rename it with crannog mv")
                .into(),
        );
    }
    Ok(OsStr::new(name))
}

/// No system call takes a longer path; what lies deeper cannot be made (CHK-024).
pub(crate) const PATH_LONGEST: usize = 4_095;

/// CHK-024: a file that claims more bytes than the disk has room for is not begun. `part` is what an earlier attempt left of it.
pub(crate) fn has_room(path: &Path, part: &Path, size: u64) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    let disk = nix::sys::statvfs::statvfs(folder).map_err(|error| Error::io(folder, error.into()))?;
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    let there = fs::symlink_metadata(part).map_or(0, |part| part.blocks().saturating_mul(512));
    if size <= free.saturating_add(there) {
        return Ok(());
    }
    Err(Failure::new(
        Code::LocalIo,
        "the file is larger than the room on the local disk",
    )
    .object(path.display().to_string())
    .hint("make room, or choose another target; crannog stat says how large it claims to be")
    .into())
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

/// Makes a link beside its place and moves it there.
pub(crate) fn symlink(target: &[u8], path: &Path, node: NodeId, attrs: Attrs) -> Result<()> {
    let new = path.with_file_name(format!(".crannog-{node}.link"));
    let _ = fs::remove_file(&new);
    std::os::unix::fs::symlink(OsStr::from_bytes(target), &new).map_err(|error| Error::io(&new, error))?;
    let placed =
        set_times(&new, attrs).and_then(|()| fs::rename(&new, path).map_err(|error| Error::io(path, error)));
    placed.inspect_err(|_| {
        let _ = fs::remove_file(&new);
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
    Error::User(
        Failure::new(
            Code::Conflict,
            "something else is in the way, and it is not followed or replaced",
        )
        .object(path.display().to_string())
        .hint("move it away, or choose another target"),
    )
}
