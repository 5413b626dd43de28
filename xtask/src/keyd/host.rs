//! The key service on a fresh Debian, run as `install` says: by systemd, or by the line that it prints.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::Value;

use crate::debian::{Root, Who};
use crate::tidy::Running;
use crate::{Outcome, json, run};

/// The unit of the key process.
pub const UNIT: &str = "crannog-keyd.service";
const PROGRAM: &str = "/usr/local/bin/crannog-keyd";
/// What `install` prints where no systemd runs.
const START: &str = "no systemd runs here; start it with: ";
/// How long a process may take until it serves.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fresh Debian with the program.
pub struct Host {
    // Dropped in this order.
    processes: Vec<Process>,
    /// The Debian.
    pub root: Root,
    /// Was it booted?
    pub systemd: bool,
    log: Arc<Mutex<String>>,
}

/// What the operator started by hand.
struct Process {
    line: String,
    running: Running,
}

impl Host {
    /// One where nothing is installed.
    pub fn new(root: Root, systemd: bool, program: &Path) -> Outcome<Self> {
        let inside = root.path(PROGRAM);
        std::fs::copy(program, &inside).map_err(|error| format!("{}: {error}", program.display()))?;
        root.shell(Who::Root, &format!("chmod 755 {PROGRAM} && useradd eve"))?;
        Ok(Self {
            processes: Vec::new(),
            root,
            systemd,
            log: Arc::default(),
        })
    }

    /// A line of root's; what it printed.
    pub fn root(&self, line: &str) -> Outcome<String> {
        self.root.shell(Who::Root, line)
    }

    /// A line that must end with this exit code, on whoever's part; what it printed, errors too.
    pub fn ends(&self, who: Who, line: &str, code: i32) -> Outcome<String> {
        let output = run::output(&mut self.root.command(who, &format!("{{ {line}\n}} 2>&1")))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.code() == Some(code) {
            return Ok(said);
        }
        Err(format!(
            "{who:?}: {line}\nended with {}, not with {code}\n{said}",
            output.status
        )
        .into())
    }

    /// Until a line of root's ends well.
    pub fn until(&self, condition: &str) -> Outcome {
        let line = format!(
            "timeout {} sh -c 'until {condition}; do :; done' >/dev/null",
            PATIENCE.as_secs()
        );
        self.root(&line).map(|_| ())
    }

    /// Installs, and starts what the operator is told to start; what was said.
    pub fn install(&mut self, words: &str) -> Outcome<String> {
        let said = self.ends(Who::Root, &format!("crannog-keyd install {words}"), 0)?;
        for line in said.lines().filter_map(|line| line.strip_prefix(START)) {
            if self.systemd {
                return Err(format!("install does not see that systemd runs\n{said}").into());
            }
            if self.processes.iter().all(|process| process.line != line) {
                self.start(line)?;
            }
        }
        Ok(said)
    }

    /// Starts a process, and waits until it says that it serves.
    fn start(&mut self, line: &str) -> Outcome {
        let mut command = self.root.command(Who::Root, &format!("exec {line}"));
        let mut running = Running::start(command.stderr(Stdio::piped()))?;
        let (ready, waiting) = mpsc::channel();
        if let Some(stderr) = running.child().stderr.take() {
            let log = Arc::clone(&self.log);
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let serves = line.contains(" serving");
                    if let Ok(mut log) = log.lock() {
                        log.push_str(&line);
                        log.push('\n');
                    }
                    if serves {
                        let _ = ready.send(());
                    }
                }
            });
        }
        waiting
            .recv_timeout(PATIENCE)
            .map_err(|_| format!("it does not serve: {line}"))?;
        self.processes.push(Process {
            line: line.to_owned(),
            running,
        });
        Ok(())
    }

    /// Stops what the operator started by hand, in the order of the start.
    pub fn stop(&mut self) {
        self.processes.clear();
    }

    /// Ends the key process as an operator would, and starts it again.
    pub fn restart(&mut self) -> Outcome {
        if self.systemd {
            return self.root(&format!("systemctl restart {UNIT}")).map(|_| ());
        }
        let line = self.key_process()?.line.clone();
        self.processes.retain(|process| process.line != line);
        self.start(&line)
    }

    /// Has it load the policy anew, and waits until it counts.
    pub fn reload(&self) -> Outcome {
        let pid = self.pid()?;
        self.root(&match self.systemd {
            true => format!("systemctl reload {UNIT}"),
            false => format!("kill -HUP {pid}"),
        })?;
        let hash = self.root("sha256sum </etc/crannog-keyd/policy.toml")?;
        let hash = hash.split_whitespace().next().unwrap_or_default();
        self.until(&format!("crannog-keyd status --json | grep -q {hash}"))
    }

    /// Aborts the key process; was there a core? It runs again after that.
    pub fn crash(&mut self) -> Outcome<bool> {
        let pid = self.pid()?;
        if self.systemd {
            let seen = format!("journalctl -u {UNIT} -o cat | grep \"^{UNIT}: Main process exited\"");
            self.root(&format!("kill -ABRT {pid}"))?;
            self.until(&seen)?;
            let ended = self.root(&seen)?;
            // It waits for the restart that the unit asks for.
            self.root(&format!("systemctl start {UNIT}"))?;
            return match ended.trim().rsplit_once("code=").map(|(_, how)| how) {
                Some("killed, status=6/ABRT") => Ok(false),
                Some("dumped, status=6/ABRT") => Ok(true),
                _ => Err(format!("the journal tells of another end: {ended}").into()),
            };
        }
        let line = self.key_process()?.line.clone();
        let at = self.processes.iter().position(|process| process.line == line);
        let mut process = self.processes.remove(at.unwrap_or_default());
        self.root(&format!("kill -ABRT {pid}"))?;
        let ended = process.running.child().wait()?;
        if std::os::unix::process::ExitStatusExt::signal(&ended) != Some(6) {
            return Err(format!("SIGABRT did not end it: {ended}").into());
        }
        self.start(&line)?;
        Ok(std::os::unix::process::ExitStatusExt::core_dumped(&ended))
    }

    fn key_process(&self) -> Outcome<&Process> {
        let found = self
            .processes
            .iter()
            .find(|process| process.line.contains(" serve "));
        found.ok_or_else(|| "nobody started the key process".into())
    }

    /// The key process, as those inside count.
    pub fn pid(&self) -> Outcome<u32> {
        if !self.systemd {
            return Ok(self.key_process()?.running.pid());
        }
        let pid = self.root(&format!("systemctl show -p MainPID --value {UNIT}"))?;
        match pid.trim().parse() {
            Ok(0) | Err(_) => Err(format!("{UNIT} has no process: {pid}").into()),
            Ok(pid) => Ok(pid),
        }
    }

    /// What `status` says.
    pub fn status(&self) -> Outcome<Value> {
        json::parse(&self.root("crannog-keyd status --json")?)
    }

    /// Everything that was logged.
    pub fn log(&self) -> Outcome<String> {
        if self.systemd {
            return self.root("journalctl --no-pager -o short-precise");
        }
        Ok(self.log.lock().map(|log| log.clone()).unwrap_or_default())
    }
}
