//! Large blobs past the page cache: they are synced before they are acknowledged and seldom read soon, so a copy of them in
//! memory would only push out what is (`docs/adr/0005-direct-writes.md`).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use bytes::Bytes;
use nix::fcntl::OFlag;

/// What every file system's `O_DIRECT` is content with, bytes.
const ALIGN: usize = 4096;
/// Bytes of one write.
const WINDOW: usize = 1024 * 1024;

/// A new file that is written in aligned windows.
pub(super) struct Direct {
    file: File,
    buffer: Vec<u8>,
    /// Where the aligned window begins in `buffer`.
    start: usize,
    filled: usize,
    at: u64,
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Direct({} bytes)", self.at + self.filled as u64)
    }
}

impl Direct {
    /// Makes the file; `None` where the file system has no direct writes.
    pub(super) fn create(path: &Path) -> io::Result<Option<Self>> {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(OFlag::O_DIRECT.bits())
            .open(path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => {
                // Some make the file before they refuse.
                let _ = std::fs::remove_file(path);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let buffer = vec![0; WINDOW + ALIGN];
        let start = buffer.as_ptr().align_offset(ALIGN).min(ALIGN);
        Ok(Some(Self {
            file,
            buffer,
            start,
            filled: 0,
            at: 0,
        }))
    }

    /// Takes bytes; writes whole windows.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let take = bytes.len().min(WINDOW - self.filled);
            let (now, later) = bytes.split_at(take);
            let from = self.start + self.filled;
            if let Some(room) = self.buffer.get_mut(from..from + take) {
                room.copy_from_slice(now);
            }
            self.filled += take;
            bytes = later;
            if self.filled == WINDOW {
                self.put(WINDOW)?;
            }
        }
        Ok(())
    }

    /// Writes the rest, and gives the file its true length.
    pub(super) fn finish(mut self) -> io::Result<File> {
        let length = self.at + self.filled as u64;
        if self.filled > 0 {
            let padded = self.filled.next_multiple_of(ALIGN);
            let (from, to) = (self.start + self.filled, self.start + padded);
            if let Some(rest) = self.buffer.get_mut(from..to) {
                rest.fill(0);
            }
            self.put(padded)?;
        }
        self.file.set_len(length)?;
        Ok(self.file)
    }

    fn put(&mut self, length: usize) -> io::Result<()> {
        let window = self
            .buffer
            .get(self.start..self.start + length)
            .unwrap_or_default();
        self.file.write_all_at(window, self.at)?;
        self.at += length as u64;
        self.filled = 0;
        Ok(())
    }
}

/// Opens a file for [`read_piece`]: past the page cache, where the file system can.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    match options.read(true).custom_flags(OFlag::O_DIRECT.bits()).open(path) {
        Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => File::open(path),
        opened => opened,
    }
}

/// `length` bytes from `at`, a multiple of 4,096, of a file that may be open for direct reads.
pub(crate) fn read_piece(file: &File, at: u64, length: usize) -> io::Result<Bytes> {
    let whole = length.next_multiple_of(ALIGN);
    let mut buffer = vec![0; whole + ALIGN];
    let start = buffer.as_ptr().align_offset(ALIGN).min(ALIGN);
    let mut filled = 0;
    while filled < length {
        let rest = buffer.get_mut(start + filled..start + whole).unwrap_or_default();
        match file.read_at(rest, at + filled as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Bytes::from(buffer).slice(start..start + length))
}

#[cfg(test)]
mod tests {
    use super::{ALIGN, Direct, WINDOW, open, read_piece};

    #[test]
    fn every_length_arrives_whole() {
        let folder = tempfile::tempdir().unwrap();
        for length in [1, ALIGN - 1, ALIGN, ALIGN + 1, WINDOW, WINDOW + 1, 4_196_458] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
            let path = folder.path().join(length.to_string());
            let Some(mut direct) = Direct::create(&path).unwrap() else {
                return;
            };
            for piece in bytes.chunks(70_001) {
                direct.write(piece).unwrap();
            }
            direct.finish().unwrap().sync_data().unwrap();
            assert!(std::fs::read(&path).unwrap() == bytes, "{length}");
            let file = open(&path).unwrap();
            for (at, piece) in bytes.chunks(WINDOW / 2).enumerate() {
                let read = read_piece(&file, (at * WINDOW / 2) as u64, piece.len()).unwrap();
                assert!(read == piece, "{length} at {at}");
            }
            read_piece(&file, 0, length + 1).unwrap_err();
        }
    }
}
