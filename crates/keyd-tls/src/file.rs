//! Reading certificate and key: bounded, and the key only if nobody else can have read it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::{getegid, geteuid};
use zeroize::Zeroizing;

/// A chain of certificates has some kilobytes, a key has fewer.
const MAX_LEN: u64 = 1 << 18;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It is not there, or cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A link, folder or device.
    #[error("{0} is not a file")]
    NotAFile(PathBuf),
    /// KEY-015: it has more bytes than a certificate or key ever has.
    #[error("KEY-015: {0} is longer than 256 KiB")]
    TooLong(PathBuf),
    /// KEY-004: somebody else owns the key.
    #[error("KEY-004: {path} belongs to user {owner}, neither root nor this service")]
    Owner {
        /// Which file.
        path: PathBuf,
        /// Whose.
        owner: u32,
    },
    /// KEY-004: others can read or write the key.
    #[error(
        "KEY-004: {path} has mode {mode:04o}; only its owner may read it, or, where root owns it, this service's group too"
    )]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
}

/// What everybody may read. Blocks.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    fill(path, file, &mut bytes)?;
    Ok(bytes)
}

/// KEY-004: what nobody else may read: of root or this user, and theirs alone, but that root may let this process's group read
/// it. Looks at what was opened, not at the path a second time. Blocks.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let (file, facts) = open(path)?;
    if facts.uid() != 0 && facts.uid() != geteuid().as_raw() {
        return Err(FileError::Owner {
            path: path.to_owned(),
            owner: facts.uid(),
        });
    }
    let of_this_group = facts.uid() == 0 && facts.gid() == getegid().as_raw();
    let others = if of_this_group { 0o137 } else { 0o177 };
    let mode = facts.mode() & 0o7777;
    if mode & others != 0 {
        return Err(FileError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    // Never grown, so that no copy of it is left behind.
    let room = usize::try_from(facts.len().min(MAX_LEN)).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    fill(path, file.take(room as u64), &mut bytes)?;
    Ok(bytes)
}

/// Not blocking, for a pipe that stands there.
fn open(path: &Path) -> Result<(File, Metadata), FileError> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)
        .and_then(|file| file.metadata().map(|facts| (file, facts)));
    match opened {
        Ok((_, facts)) if !facts.is_file() => Err(FileError::NotAFile(path.to_owned())),
        Ok(opened) => Ok(opened),
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) => {
            Err(FileError::NotAFile(path.to_owned()))
        }
        Err(source) => Err(FileError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

fn fill(path: &Path, file: impl Read, bytes: &mut Vec<u8>) -> Result<(), FileError> {
    file.take(MAX_LEN + 1)
        .read_to_end(bytes)
        .map_err(|source| FileError::Io {
            path: path.to_owned(),
            source,
        })?;
    if bytes.len() as u64 > MAX_LEN {
        return Err(FileError::TooLong(path.to_owned()));
    }
    Ok(())
}
