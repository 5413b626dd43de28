//! A fresh Debian to break: made once by debootstrap, copied for each use, entered by chroot or booted.

mod machine;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::layout::target;
use crate::tidy::{Inside, Mounted, Running, Scratch};
use crate::{Outcome, run};

use self::machine::Machine;

const RELEASE: &str = "bookworm";
const MIRROR: &str = "http://deb.debian.org/debian";

/// Where the commands of the guide are typed.
const FOLDER: &str = "/home/alice";

/// Who types a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The operator.
    Root,
    /// A person with an account on the machine.
    Alice,
    /// Another account, as after a login of now.
    User(&'static str),
    /// An account as after a login of an earlier time, when it was in this group.
    Session {
        /// Whose.
        user: &'static str,
        /// The only group besides the user's own.
        group: &'static str,
    },
}

/// A Debian, gone when dropped, with everything that runs in it.
#[derive(Debug)]
pub struct Root {
    // Dropped in this order.
    machine: Option<Machine>,
    network: Option<Running>,
    _inside: Inside,
    _proc: Mounted,
    scratch: Scratch,
}

impl Root {
    /// A copy of the first one, with the person alice; `name` is that of its folder below target/.
    pub fn fresh(name: &str) -> Outcome<Self> {
        let base = base()?;
        let scratch = Scratch::new(&target(), name)?;
        let top = scratch.path().join("debian");
        run::quietly(Command::new("cp").arg("-a").arg(base).arg(&top))?;
        run::quietly(
            Command::new("mount")
                .args(["-t", "proc", "proc"])
                .arg(top.join("proc")),
        )?;
        let root = Self {
            _proc: Mounted::new(&top.join("proc")),
            _inside: Inside::new(&top),
            machine: None,
            network: None,
            scratch,
        };
        std::fs::write(
            root.path("/etc/apt/apt.conf.d/90check"),
            "APT::Get::Assume-Yes \"true\";\nAPT::Install-Recommends \"false\";\n",
        )?;
        root.shell(
            Who::Root,
            &format!("useradd --create-home --home-dir {FOLDER} alice && chmod 755 {FOLDER}"),
        )?;
        Ok(root)
    }

    /// A path inside, seen from outside.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.top().join(inside.trim_start_matches('/'))
    }

    /// Its top, seen from outside.
    pub fn top(&self) -> PathBuf {
        self.scratch.path().join("debian")
    }

    /// The folder of the guide's commands, seen from outside.
    pub fn folder(&self) -> PathBuf {
        self.path(FOLDER)
    }

    /// From now on it has no network but its own loopback device: its ports are free, and nothing can be fetched.
    pub fn cut_off(&mut self) -> Outcome {
        let mut holder = Command::new("unshare");
        holder.args([
            "--net",
            "sh",
            "-c",
            "ip link set lo up && echo up && exec sleep infinity",
        ]);
        let mut holder = Running::start(holder.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let mut said = [0; 3];
        if let Some(stdout) = holder.child().stdout.as_mut() {
            std::io::Read::read_exact(stdout, &mut said)
                .map_err(|error| format!("no network namespace: {error}"))?;
        }
        self.network = Some(holder);
        Ok(())
    }

    /// Boots it with its own systemd, which must be installed. From now on commands run in that machine, which has no network but its
    /// own loopback device.
    pub fn boot(&mut self) -> Outcome {
        self.machine = Some(Machine::boot(&self.top())?);
        Ok(())
    }

    /// Leaves its files where they are when it goes.
    pub fn keep(&mut self) {
        self.scratch.keep();
    }

    /// One line for its shell.
    pub fn command(&self, who: Who, line: &str) -> Command {
        let mut command = self.enter();
        let home = match who {
            Who::Root => "/root",
            Who::Alice => FOLDER,
            Who::User(_) | Who::Session { .. } => "/",
        };
        command.args(["env", "-i"]);
        command
            .arg(format!("HOME={home}"))
            .args([
                "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG=C.UTF-8",
            ])
            .args([
                "DEBIAN_FRONTEND=noninteractive",
                "CRANNOG_PASSWORD_FILE=/home/alice/password",
            ]);
        let (user, groups) = match who {
            Who::Root => (None, String::new()),
            Who::Alice => (Some("alice"), "--init-groups".to_owned()),
            Who::User(name) => (Some(name), "--init-groups".to_owned()),
            Who::Session { user, group } => (Some(user), format!("--groups={group}")),
        };
        if let Some(user) = user {
            command
                .arg("setpriv")
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={user}"))
                .arg(groups)
                .arg("--");
        }
        command
            .args(["sh", "-ec"])
            .arg(format!("cd {FOLDER} 2>/dev/null || cd /\n{line}"));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a program inside.
    fn enter(&self) -> Command {
        if let Some(machine) = &self.machine {
            return machine.enter();
        }
        let mut command = match &self.network {
            None => Command::new("env"),
            Some(holder) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net=/proc/{}/ns/net", holder.pid()));
                command
            }
        };
        command.arg("chroot").arg(self.top());
        command
    }

    /// Runs a line; what it printed on standard output.
    pub fn shell(&self, who: Who, line: &str) -> Outcome<String> {
        let output = run::output(&mut self.command(who, line))?;
        let (out, errors) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        if output.status.success() {
            return Ok(out);
        }
        Err(format!(
            "in the fresh Debian: {line}\nended with {}\n{out}{errors}",
            output.status
        )
        .into())
    }
}

/// The first one, below target/.
pub fn base() -> Outcome<PathBuf> {
    let base = target().join("debian-12");
    if base.is_dir() {
        return Ok(base);
    }
    let part = base.with_extension("part");
    if part.is_dir() {
        std::fs::remove_dir_all(&part)?;
    }
    let mut debootstrap = Command::new("debootstrap");
    debootstrap
        .args(["--variant=minbase", RELEASE])
        .arg(&part)
        .arg(MIRROR);
    eprintln!("$ {}", run::shown(&debootstrap));
    let output = run::output(&mut debootstrap)?;
    if !output.status.success() {
        return Err(format!("no fresh Debian: {}", last(&output.stdout)).into());
    }
    std::fs::rename(&part, &base)?;
    Ok(base)
}

fn last(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text).into_owned();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// Does anything lie there, a dangling link included?
pub fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
