//! Wall clock time for the two programs, moved by a file that they look at; their monotonic clock stays true.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// The one for programs of several threads: the other one tells them the time without a lock.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// How far the clock of some programs is ahead of ours.
#[derive(Debug)]
pub(crate) struct Clock {
    preloaded: &'static str,
    file: PathBuf,
    ahead: i64,
}

impl Clock {
    /// Of Debian's package `faketime`, which `cargo xtask test` installs.
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).is_file());
        let library = library.expect("apt-get install faketime: it moves the clock");
        let clock = Self {
            preloaded: library,
            file: folder.join(name),
            ahead: 0,
        };
        clock.write();
        clock
    }

    /// Moves it; backwards too.
    pub(crate) fn step(&mut self, seconds: i64) {
        self.ahead += seconds;
        self.write();
    }

    /// What it shows now.
    pub(crate) fn now(&self) -> SystemTime {
        let ahead = Duration::from_secs(self.ahead.unsigned_abs());
        match self.ahead {
            0.. => SystemTime::now() + ahead,
            _ => SystemTime::now() - ahead,
        }
    }

    /// Programs with these variables, and those that they start, go by this clock.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("LD_PRELOAD", self.preloaded.into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone().into()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("DONT_FAKE_MONOTONIC", "1".into()),
            ("NO_FAKE_STAT", "1".into()),
        ]
    }

    /// A command that goes by it.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.envs(self.environment());
        command
    }

    /// In one step: nobody ever reads half a number.
    fn write(&self) {
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{:+}\n", self.ahead)).unwrap();
        fs::rename(next, &self.file).unwrap();
    }
}
