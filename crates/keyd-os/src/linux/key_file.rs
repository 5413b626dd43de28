//! An unlocking key in a file (KEY-004).

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::unistd::geteuid;

use crate::lock::LockedBytes;
use crate::platform::{KeyPlace, KeyPlaceError};

const KEY_LEN: usize = 32;
/// In hex, with a line end.
const LINE_LEN: usize = 2 * KEY_LEN + 1;

/// The credential, else the file.
pub(super) fn read(place: &KeyPlace<'_>) -> Result<Option<LockedBytes>, KeyPlaceError> {
    if let Some(folder) = place.credentials {
        let path = folder.join("master");
        // The manager shows the one reader by an access list, whose mask stands where the group's rights do.
        if let Some(file) = open(&path, |mode| mode & 0o037 == 0)? {
            return raw(&path, file).map(Some);
        }
    }
    match open(place.file, |mode| matches!(mode, 0o400 | 0o600))? {
        Some(file) => hex(place.file, file).map(Some),
        None => Ok(None),
    }
}

/// KEY-004: looks at what was opened, not at the path a second time.
fn open(path: &Path, private: fn(u32) -> bool) -> Result<Option<File>, KeyPlaceError> {
    let io = |source| KeyPlaceError::Io {
        path: path.to_owned(),
        source,
    };
    let not_a_file = || KeyPlaceError::NotAFile {
        path: path.to_owned(),
    };
    // Not blocking, for a pipe that stands there.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Err(not_a_file()),
        Err(error) => return Err(io(error)),
    };
    let facts = file.metadata().map_err(io)?;
    if !facts.is_file() {
        return Err(not_a_file());
    }
    if facts.uid() != 0 && facts.uid() != geteuid().as_raw() {
        return Err(KeyPlaceError::Owner {
            path: path.to_owned(),
            owner: facts.uid(),
        });
    }
    let mode = facts.mode() & 0o7777;
    if !private(mode) {
        return Err(KeyPlaceError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(Some(file))
}

fn raw(path: &Path, file: File) -> Result<LockedBytes, KeyPlaceError> {
    let (text, len) = contents::<{ KEY_LEN + 1 }>(path, file)?;
    if len != KEY_LEN {
        return Err(not_a_key(path));
    }
    Ok(copy_of(text.expose().iter().copied()))
}

fn hex(path: &Path, file: File) -> Result<LockedBytes, KeyPlaceError> {
    let (text, len) = contents::<{ LINE_LEN + 1 }>(path, file)?;
    let line = text.expose().get(..len).unwrap_or_default();
    let digits = line.strip_suffix(b"\n").unwrap_or(line);
    let valid = digits.len() == 2 * KEY_LEN && digits.iter().all(u8::is_ascii_hexdigit);
    if !valid {
        return Err(not_a_key(path));
    }
    let (pairs, _) = digits.as_chunks::<2>();
    Ok(copy_of(
        pairs.iter().map(|[high, low]| value(*high) << 4 | value(*low)),
    ))
}

/// What is in the file, straight into locked memory, and how much: at most `LEN`.
fn contents<const LEN: usize>(path: &Path, mut file: File) -> Result<(LockedBytes, usize), KeyPlaceError> {
    let mut result = Ok(0);
    let bytes = LockedBytes::init_with(LEN, |buffer| result = fill(&mut file, buffer));
    let len = result.map_err(|source| KeyPlaceError::Io {
        path: path.to_owned(),
        source,
    })?;
    Ok((bytes, len))
}

fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = buffer.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

fn copy_of(bytes: impl Iterator<Item = u8>) -> LockedBytes {
    LockedBytes::init_with(KEY_LEN, |key| {
        key.iter_mut().zip(bytes).for_each(|(own, byte)| *own = byte);
    })
}

/// Of a digit, without a branch on which one it is (a table would tell the cache): letters have bit 6 set.
fn value(digit: u8) -> u8 {
    (digit & 0x0f) + 9 * (digit >> 6)
}

fn not_a_key(path: &Path) -> KeyPlaceError {
    KeyPlaceError::NotAKey {
        path: path.to_owned(),
    }
}
