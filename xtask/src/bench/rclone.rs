//! rclone: a crypt remote over its own WebDAV server over TLS.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::contender::{Contender, Room, Task, serve};
use super::delay::Proxy;
use crate::compare::What;
use crate::stage::peak_memory;
use crate::tidy::Running;
use crate::{Outcome, run};

/// A server and two configurations: straight to it, and through the proxy.
pub struct Rclone {
    near: PathBuf,
    far: PathBuf,
    authority: PathBuf,
    source: PathBuf,
    stored: PathBuf,
    proxy: Proxy,
    server: Running,
}

impl Rclone {
    /// Server and configurations.
    pub fn open(room: &Room<'_>) -> Outcome<Self> {
        let stored = room.top.join("server");
        std::fs::create_dir_all(&stored)?;
        let mut command = Command::new("rclone");
        command
            .args(["serve", "webdav"])
            .arg(&stored)
            .args(["--user", "bench", "--pass", "bench"]);
        command
            .arg("--cert")
            .arg(&room.certificate.certificate)
            .arg("--key")
            .arg(&room.certificate.key);
        let (server, address) = serve(&mut command, &room.top.join("server.log"))?;
        let proxy = Proxy::start(&address)?;
        let near = room.top.join("near.conf");
        let far = room.top.join("far.conf");
        configure(&near, &address)?;
        configure(&far, &proxy.address)?;
        let authority = room.certificate.certificate.clone();
        let opened = Self {
            near,
            far,
            authority,
            source: room.data.top.clone(),
            stored,
            proxy,
            server,
        };
        run::capture(opened.rclone(&opened.near).args(["mkdir", "sealed:"]))?;
        Ok(opened)
    }

    fn rclone(&self, config: &Path) -> Command {
        let mut command = Command::new("rclone");
        command
            .env("RCLONE_CONFIG", config)
            .env("RCLONE_CA_CERT", &self.authority);
        command
    }

    fn copy(&self, from: impl AsRef<std::ffi::OsStr>, to: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.rclone(&self.near);
        // WebDAV keeps no times: what has its size is taken as unchanged. 16 at once is the fastest on two cores.
        command
            .args(["copy", "--transfers", "16", "--checkers", "16", "--size-only"])
            .arg(from)
            .arg(to);
        command
    }
}

fn configure(path: &Path, address: &str) -> Outcome {
    let obscure = |text: &str| run::capture(Command::new("rclone").args(["obscure", text]));
    let (login, password) = (obscure("bench")?, obscure("a password that seals")?);
    let text = format!(
        "[dav]\ntype = webdav\nurl = https://{address}\nvendor = other\nuser = bench\npass = {}\n\n\
         [sealed]\ntype = crypt\nremote = dav:store\npassword = {}\n",
        login.trim(),
        password.trim()
    );
    std::fs::write(path, text)?;
    Ok(())
}

impl Contender for Rclone {
    fn commands(&self, task: Task, into: &Path) -> Outcome<Vec<Command>> {
        let source = |name: &str| self.source.join(name);
        let list = || {
            let mut command = self.rclone(&self.near);
            command.args(["lsf", "-R", "sealed:"]);
            command
        };
        let one = |config: &Path, name: &str| {
            let mut command = self.rclone(config);
            command
                .arg("copyto")
                .arg(source(name))
                .arg(format!("sealed:{name}"));
            command
        };
        Ok(vec![match task {
            Task::StartUp => {
                let mut command = self.rclone(&self.near);
                command.args(["lsf", "sealed:"]);
                command
            }
            Task::PutBig => one(&self.near, "big"),
            Task::GetBig => self.copy("sealed:big", into),
            Task::PutSmall | Task::PutUnchanged | Task::PutChanged => {
                self.copy(source("small"), "sealed:small")
            }
            Task::GetSmall => self.copy("sealed:small", into.join("small")),
            Task::List | Task::NewDevice => list(),
            Task::PutOne => one(&self.near, "one"),
            Task::PutOneFar => one(&self.far, "far"),
        }])
    }

    fn keeps(&self) -> What {
        What::Contents
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
