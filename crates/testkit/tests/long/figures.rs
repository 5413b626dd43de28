//! What a server takes on disk, and processes of memory and descriptors.

use std::fs;
use std::path::Path;

use crate::bin::Server;

/// A server's bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disk {
    /// Blobs, those in their grace period too.
    pub(crate) blobs: u64,
    /// The database without its log.
    pub(crate) database: u64,
    /// The database's log, which SQLite uses again and again and never shortens.
    pub(crate) log: u64,
    /// What is counted to accounts: blobs in force and entries.
    pub(crate) counted: u64,
    /// Entries.
    pub(crate) entries: u64,
    /// Files of blobs.
    pub(crate) files: u64,
}

impl Disk {
    pub(crate) fn of(server: &Server) -> Self {
        let stats = server.admin(&["stats"]);
        let number = |key: &str| stats[key].as_u64().unwrap();
        Self {
            blobs: below(&server.data.join("blobs")).1,
            database: fs::metadata(server.data.join("crannogd.db")).unwrap().len(),
            log: fs::metadata(server.data.join("crannogd.db-wal")).unwrap().len(),
            counted: number("used"),
            entries: number("entries"),
            files: number("files"),
        }
    }

    /// What grows with what is stored.
    pub(crate) fn total(self) -> u64 {
        self.blobs + self.database
    }
}

/// Files and their bytes below a folder.
pub(crate) fn below(folder: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() {
            let (more, larger) = below(&entry.path());
            (files, bytes) = (files + more, bytes + larger);
        } else {
            (files, bytes) = (files + 1, bytes + about.len());
        }
    }
    (files, bytes)
}

/// A process at rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    /// Resident memory in bytes.
    pub(crate) memory: u64,
    /// Open descriptors.
    pub(crate) descriptors: u64,
}

impl Process {
    pub(crate) fn of(pid: i32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        Self {
            memory: kib * 1024,
            descriptors: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64,
        }
    }
}

/// In MiB, for people.
pub(crate) fn mib(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{}", tenths / 10, tenths % 10)
}
