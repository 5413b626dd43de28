//! A file on its way to the local disk: it is there whole, or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crannog_core::drive::{Attrs, NodeId, VersionId};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::sys::time::TimeSpec;

use crate::error::{Error, Result};

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
            .custom_flags(OFlag::O_NOFOLLOW.bits())
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
