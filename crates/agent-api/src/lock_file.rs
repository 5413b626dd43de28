//! The two lock files of a profile.
//!
//! `agent.lock` is held by the agent for as long as it lives and says where it listens; `start.lock` is held by whoever
//! starts one, until it listens, so that ten commands at once start one agent. Both are `flock`s: they end with the
//! process. Waiting for a lock is waiting for an event.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Failure, home};

/// The agent's.
pub const AGENT: &str = "agent.lock";
/// That of whoever starts one.
pub const START: &str = "start.lock";

/// What stands in `agent.lock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The agent's process.
    pub pid: u32,
    /// Where it listens.
    pub socket: PathBuf,
}

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Waits until the lock is free.
    pub fn wait(home: &Path, name: &str) -> Result<Self, Failure> {
        let (file, path) = open(home, name)?;
        file.lock().map_err(|error| home::local(&path, &error))?;
        Ok(Self { file, path })
    }

    /// `None` when someone else holds it.
    pub fn try_take(home: &Path, name: &str) -> Result<Option<Self>, Failure> {
        let (file, path) = open(home, name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file, path })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(home::local(&path, &error)),
        }
    }

    /// Takes over a lock that another program held and left open for this one.
    pub fn inherit(file: File, home: &Path, name: &str) -> Self {
        Self {
            file,
            path: home.join(name),
        }
    }

    /// The file, for the program that shall inherit it.
    pub fn file(&self) -> std::io::Result<File> {
        self.file.try_clone()
    }

    /// Writes down where the agent listens.
    pub fn write(&mut self, place: &Place) -> Result<(), Failure> {
        let text = serde_json::to_vec(place).map_err(std::io::Error::from);
        let written = text.and_then(|text| {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(&text)
        });
        written.map_err(|error| home::local(&self.path, &error))
    }
}

/// Where the agent of a profile listens, or did.
pub fn place(home: &Path) -> Option<Place> {
    let mut text = Vec::new();
    File::open(home.join(AGENT))
        .ok()?
        .take(4096)
        .read_to_end(&mut text)
        .ok()?;
    serde_json::from_slice(&text).ok()
}

fn open(home: &Path, name: &str) -> Result<(File, PathBuf), Failure> {
    let path = home.join(name);
    let options = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    options
        .map(|file| (file, path.clone()))
        .map_err(|error| home::local(&path, &error))
}

#[cfg(test)]
mod tests {
    use super::{AGENT, Lock, Place, place};

    #[test]
    fn one_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(place(home.path()), None);
        let mut first = Lock::try_take(home.path(), AGENT).unwrap().unwrap();
        assert!(Lock::try_take(home.path(), AGENT).unwrap().is_none());
        let here = Place {
            pid: 7,
            socket: "/run/x.sock".into(),
        };
        first
            .write(&Place {
                pid: 123_456,
                socket: "/a/much/longer/path.sock".into(),
            })
            .unwrap();
        first.write(&here).unwrap();
        assert_eq!(place(home.path()), Some(here));
        drop(first);
        assert!(Lock::try_take(home.path(), AGENT).unwrap().is_some());
    }

    #[test]
    fn an_inherited_file_keeps_the_lock() {
        let home = tempfile::tempdir().unwrap();
        let first = Lock::wait(home.path(), AGENT).unwrap();
        let heir = Lock::inherit(first.file().unwrap(), home.path(), AGENT);
        drop(first);
        assert!(Lock::try_take(home.path(), AGENT).unwrap().is_none());
        drop(heir);
        assert!(Lock::try_take(home.path(), AGENT).unwrap().is_some());
    }
}
