//! `agent.log` in the profile's folder: for its owner alone, one older file kept.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

const FILE: &str = "agent.log";
const OLDER: &str = "agent.log.1";
const LARGEST: u64 = 4 << 20;

/// Sends all log lines there. `CRANNOG_LOG` chooses (`debug`, `crannog_client=trace`).
pub(crate) fn init(home: &Path) -> io::Result<()> {
    let filter = EnvFilter::try_from_env("CRANNOG_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let writer = Mutex::new(Rotating::open(home, LARGEST)?);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer)
        // A full disk must not fail requests: the report of it would panic.
        .log_internal_errors(false);
    // Fails when a test has set another one.
    let _ = subscriber.try_init();
    Ok(())
}

/// A file that makes room for itself.
struct Rotating {
    home: PathBuf,
    file: File,
    size: u64,
    largest: u64,
}

impl Rotating {
    fn open(home: &Path, largest: u64) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(home.join(FILE))?;
        let size = file.metadata()?.len();
        Ok(Self {
            home: home.to_owned(),
            file,
            size,
            largest,
        })
    }
}

impl Write for Rotating {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.size > 0 && self.size + line.len() as u64 > self.largest {
            std::fs::rename(self.home.join(FILE), self.home.join(OLDER))?;
            *self = Self::open(&self.home, self.largest)?;
        }
        let written = self.file.write(line)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{FILE, OLDER, Rotating};

    #[test]
    fn two_files_at_most() {
        let home = tempfile::tempdir().unwrap();
        let mut log = Rotating::open(home.path(), 10).unwrap();
        for line in ["one.....\n", "two.....\n", "three\n", "4\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
        assert_eq!(
            (read(OLDER).as_str(), read(FILE).as_str()),
            ("two.....\n", "three\n4\n")
        );
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2);
    }
}
