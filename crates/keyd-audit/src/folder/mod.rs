//! The few things that a log asks of the file system. Its second implementation is the tests': a disk that loses power, fills up
//! and hangs on demand.

mod directory;
#[cfg(test)]
pub(crate) mod fake;

use std::io::{self, Read};
use std::sync::Arc;

pub(crate) use directory::Directory;

/// The log's folder.
pub(crate) trait Folder: Send + Sync {
    /// The names of everything in it.
    fn names(&self) -> io::Result<Vec<String>>;
    /// An existing file, to read and write.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// An empty file of that name, whatever was there before.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Gives a file another name, in place of what had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Names are on disk when it returns.
    fn sync(&self) -> io::Result<()>;
    /// Bytes that the file system has left for this user.
    fn free(&self) -> io::Result<u64>;
}

/// A file of it.
pub(crate) trait File: Send + Sync {
    /// Its length.
    fn len(&self) -> io::Result<u64>;
    /// Reads what is there, 0 bytes at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Hands all of it to the kernel; on an error any beginning of it may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts it, and gives back what was reserved.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Reserves blocks up to `len` without changing the length. A file system that cannot does nothing.
    fn reserve(&self, len: u64) -> io::Result<()>;
    /// Bytes and length are on disk when it returns. After an error nothing is known about either.
    fn sync(&self) -> io::Result<()>;
}

/// Reads a file from a place on.
pub(crate) struct Reader {
    file: Arc<dyn File>,
    offset: u64,
}

impl Reader {
    pub(crate) fn new(file: Arc<dyn File>, offset: u64) -> Self {
        Self { file, offset }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
