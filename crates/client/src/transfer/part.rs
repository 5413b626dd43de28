//! A file on its way to the local disk: it is there whole, or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crannog_core::drive::{Attrs, NodeId, VersionId};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::sys::time::TimeSpec;

use crate::error::{Error, Result};

/// What every file system's `O_DIRECT` is content with, bytes.
const ALIGN: usize = 4096;
/// Bytes of one direct write.
const WINDOW: usize = 1024 * 1024;

/// A file in the making, beside where it will be. It is removed unless it is finished (or kept for resuming).
pub(crate) struct Part {
    path: PathBuf,
    target: PathBuf,
    file: File,
    /// The same file past the page cache.
    direct: Option<File>,
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
        part.direct = past_the_cache(&part.file);
        part.keep = true;
        Ok(part)
    }

    /// Where the part of a file is.
    pub(crate) fn path(target: &Path, node: NodeId, version: VersionId) -> PathBuf {
        target.with_file_name(format!(".crannog-{node}-{version}.part"))
    }

    fn open(target: &Path, node: NodeId, version: VersionId, truncate: bool) -> Result<Self> {
        let path = Self::path(target, node, version);
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
            direct: None,
            keep: false,
        })
    }

    /// Its name in the transfer memory.
    pub(crate) fn key(&self) -> Vec<u8> {
        self.path.as_os_str().as_bytes().to_vec()
    }

    /// Large parts go past the page cache, where the file system can (`docs/adr/0005-direct-writes.md`); a last piece that fills no whole
    /// page is written as usual, so that no byte is ever written beyond the file.
    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let as_usual = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default();
            self.file.write_all_at(rest, offset + from as u64)
        };
        let whole = bytes.len() - bytes.len() % ALIGN;
        let written = match &self.direct {
            None => as_usual(0),
            Some(direct) => match write_direct(direct, bytes.get(..whole).unwrap_or_default(), offset) {
                Ok(()) => as_usual(whole),
                // Some file systems take the flag and refuse the write.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => as_usual(0),
                Err(error) => Err(error),
            },
        };
        written.map_err(|error| Error::io(&self.path, error))
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

/// The same file, opened once more for direct writes; none where the file system has no such thing.
fn past_the_cache(file: &File) -> Option<File> {
    OpenOptions::new()
        .write(true)
        .custom_flags(OFlag::O_DIRECT.bits())
        .open(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .ok()
}

/// Whole pages, by way of an aligned window.
fn write_direct(file: &File, pages: &[u8], mut offset: u64) -> io::Result<()> {
    let mut buffer = vec![0; WINDOW + ALIGN];
    let start = buffer.as_ptr().align_offset(ALIGN).min(ALIGN);
    for piece in pages.chunks(WINDOW) {
        let window = buffer.get_mut(start..start + piece.len()).unwrap_or_default();
        window.copy_from_slice(piece);
        file.write_all_at(window, offset)?;
        offset += piece.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ALIGN, Part, WINDOW};
    use crannog_core::drive::{Attrs, NodeId, VersionId};

    #[test]
    fn pieces_in_any_order_make_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let chunk = 4 * WINDOW;
        for last in [1, ALIGN - 1, ALIGN, WINDOW + 1, chunk] {
            let bytes: Vec<u8> = (0..2 * chunk + last).map(|at| (at * 31 % 251) as u8).collect();
            let target = folder.path().join(last.to_string());
            let part = Part::resumable(&target, NodeId([1; 16]), VersionId([2; 16])).unwrap();
            for (index, piece) in bytes.chunks(chunk).enumerate().rev() {
                part.write_at(piece, (index * chunk) as u64).unwrap();
            }
            assert_eq!(part.file.metadata().unwrap().len(), bytes.len() as u64);
            let mut again = vec![0; last];
            part.read_at(&mut again, 2 * chunk as u64).unwrap();
            assert!(bytes.ends_with(&again));
            part.finish(bytes.len() as u64, Attrs::default(), 0o022).unwrap();
            assert!(std::fs::read(&target).unwrap() == bytes, "{last}");
        }
    }
}
