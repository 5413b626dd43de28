//! restic, with `rclone serve restic` over TLS as its server.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::contender::{Contender, Room, Task, serve};
use super::delay::Proxy;
use crate::compare::What;
use crate::stage::peak_memory;
use crate::tidy::Running;
use crate::{Outcome, run};

/// A server with one repository.
pub struct Restic {
    address: String,
    authority: PathBuf,
    cache: PathBuf,
    source: PathBuf,
    stored: PathBuf,
    proxy: Proxy,
    server: Running,
}

impl Restic {
    /// Server and repository.
    pub fn open(room: &Room<'_>) -> Outcome<Self> {
        let stored = room.top.join("server");
        std::fs::create_dir_all(&stored)?;
        let mut command = Command::new("rclone");
        command
            .args(["serve", "restic"])
            .arg(&stored)
            .args(["--user", "bench", "--pass", "bench"]);
        command
            .arg("--cert")
            .arg(&room.certificate.certificate)
            .arg("--key")
            .arg(&room.certificate.key);
        let (server, address) = serve(&mut command, &room.top.join("server.log"))?;
        let proxy = Proxy::start(&address)?;
        let authority = room.certificate.certificate.clone();
        let (cache, source) = (room.top.join("cache"), room.data.top.clone());
        let opened = Self {
            address,
            authority,
            cache,
            source,
            stored,
            proxy,
            server,
        };
        run::capture(opened.restic(&opened.address, &opened.cache).arg("init"))?;
        Ok(opened)
    }

    fn restic(&self, address: &str, cache: &Path) -> Command {
        let mut command = Command::new("restic");
        command.current_dir(&self.source);
        command.env(
            "RESTIC_REPOSITORY",
            format!("rest:https://bench:bench@{address}/"),
        );
        command
            .env("RESTIC_PASSWORD", "a password that seals")
            .env("RESTIC_CACHE_DIR", cache);
        // Random bytes do not compress: not trying is the fastest.
        command
            .args(["-q", "--compression", "off", "--cacert"])
            .arg(&self.authority);
        command
    }

    fn near<S: AsRef<std::ffi::OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.restic(&self.address, &self.cache);
        command.args(words);
        command
    }
}

impl Contender for Restic {
    fn commands(&self, task: Task, into: &Path) -> Outcome<Vec<Command>> {
        let backup = |name: &str| self.near(["backup", "--tag", name, name]);
        let restore = |name: &str| {
            let mut command = self.near(["restore", "latest", "--tag", name, "--target"]);
            command.arg(into);
            command
        };
        Ok(vec![match task {
            Task::StartUp => self.near(["cat", "config"]),
            Task::PutBig => backup("big"),
            Task::GetBig => restore("big"),
            Task::PutSmall | Task::PutUnchanged | Task::PutChanged => backup("small"),
            Task::GetSmall => restore("small"),
            Task::List => self.near(["ls", "latest", "--tag", "small"]),
            Task::PutOne => backup("one"),
            Task::PutOneFar => {
                let mut command = self.restic(&self.proxy.address, &self.cache);
                command.args(["backup", "--tag", "far", "far"]);
                command
            }
            Task::NewDevice => {
                let mut command = self.restic(&self.address, &self.cache.with_extension("fresh"));
                command.args(["ls", "latest", "--tag", "small"]);
                command
            }
        }])
    }

    fn keeps(&self) -> What {
        What::Everything
    }

    fn stored(&self) -> PathBuf {
        self.stored.clone()
    }

    fn server_memory(&self) -> u64 {
        peak_memory(self.server.pid())
    }

    fn agent_memory(&self) -> u64 {
        0
    }

    fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}
