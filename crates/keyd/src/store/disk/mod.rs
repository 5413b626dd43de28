//! The few things that a store asks of the file system. Its second implementation is the tests': a disk that loses power at any
//! operation.
//!
//! Paths are relative to the folder that it stands for, with `/` between names; `""` is that folder.

mod directory;
#[cfg(test)]
pub(crate) mod fake;

use std::io;

pub(crate) use directory::Directory;

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) is_folder: bool,
}

/// A folder with all below it. Files are whole: written once under a name of their own, then renamed.
pub(crate) trait Disk: Send + Sync {
    /// What is in a folder; nothing, if there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>>;
    /// All of a file; `None` if there is none.
    fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>>;
    /// A file with exactly these bytes, which are on disk when it returns; its name is not.
    fn write(&self, file: &str, bytes: &[u8]) -> io::Result<()>;
    /// Gives a file or folder another name, in place of a file that had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// An empty folder, or the one that is there.
    fn make_folder(&self, folder: &str) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, folder: &str) -> io::Result<()>;
    /// The names in a folder are on disk when it returns.
    fn sync(&self, folder: &str) -> io::Result<()>;
    /// Overwrites a file with zeros, syncs and removes it.
    fn wipe(&self, file: &str) -> io::Result<()>;
}

/// Wipes all files below a folder, and removes it.
pub(crate) fn wipe_folder(disk: &dyn Disk, folder: &str) -> io::Result<()> {
    for entry in disk.list(folder)? {
        let path = format!("{folder}/{}", entry.name);
        if entry.is_folder {
            wipe_folder(disk, &path)?;
        } else {
            disk.wipe(&path)?;
        }
    }
    disk.remove_folder(folder)
}
