//! A real server: the built binary, a folder of its own, port 0.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crannog_proto::ServerUrl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::binaries::crannogd;

/// How a site differs from the usual.
#[derive(Debug, Default)]
pub struct SiteOptions {
    /// The data directory, where it must lie on a certain disk.
    pub data: Option<PathBuf>,
    /// Words before the program: a tracer.
    pub wrapper: Vec<OsString>,
    /// Variables for the program.
    pub env: Vec<(OsString, OsString)>,
    /// Lines for the configuration, before its sections.
    pub config: String,
    /// Lines for the section `[limits]`.
    pub limits: String,
}

/// A server at work. Dropping it stops it cleanly, and fails the test when it did not end well.
#[derive(Debug)]
pub struct Site {
    /// Its data directory.
    pub data: PathBuf,
    /// Everything that it logged.
    pub log: PathBuf,
    options: SiteOptions,
    address: String,
    child: Option<Child>,
    folder: TempDir,
}

impl Site {
    /// Starts the usual one.
    pub fn start() -> Self {
        Self::start_with(SiteOptions::default())
    }

    /// Starts one that is different.
    pub fn start_with(options: SiteOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = options.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let config = format!(
            "shutdown_seconds = 2\n{}\n[limits]\nlogins_per_minute = 1000000\nrequests_per_second = 1000000\n{}\n",
            options.config, options.limits
        );
        fs::write(folder.path().join("crannogd.toml"), config).unwrap();
        let log = folder.path().join("log");
        let mut site = Self {
            data,
            log,
            options,
            address: "127.0.0.1:0".to_owned(),
            child: None,
            folder,
        };
        site.run().expect("the server starts");
        site
    }

    /// Starts it (again), on the address that it had. What it said, when it does not start.
    pub fn run(&mut self) -> Result<(), String> {
        let mut words = self.options.wrapper.clone();
        words.push(crannogd().into());
        let program = words.remove(0);
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut child = Command::new(program)
            .args(words)
            .arg("serve")
            .arg("--data")
            .arg(&self.data)
            .args(["--listen", &self.address])
            .arg("--config")
            .arg(self.folder.path().join("crannogd.toml"))
            .env("CRANNOGD_LOG", "debug")
            .envs(self.options.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        match line.trim().strip_prefix("listening on ") {
            Some(address) => {
                self.address = address.to_owned();
                self.child = Some(child);
                Ok(())
            }
            None => {
                child.wait().unwrap();
                Err(self.logged())
            }
        }
    }

    /// What it logged.
    pub fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        let id = self.child.as_ref().expect("a server that runs").id();
        Pid::from_raw(i32::try_from(id).unwrap())
    }

    /// How clients reach it.
    pub fn url(&self) -> String {
        self.invite().0
    }

    /// The CA's fingerprint and so on.
    pub fn server_url(&self) -> ServerUrl {
        self.url().parse().unwrap()
    }

    /// The server's URL and a fresh invite for one account.
    pub fn invite(&self) -> (String, String) {
        self.invite_with(&[])
    }

    /// The same with words for `crannogd invite create`.
    pub fn invite_with(&self, words: &[&str]) -> (String, String) {
        let output = self.admin(&[&["invite", "create", "--json"], words].concat());
        assert!(output.status.success(), "{output:?}");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let field = |name: &str| told[name].as_str().unwrap().to_owned();
        (field("server"), field("invite"))
    }

    /// Runs an administrator's command.
    pub fn admin(&self, words: &[&str]) -> Output {
        Command::new(crannogd())
            .args(words)
            .arg("--data")
            .arg(&self.data)
            .output()
            .unwrap()
    }

    /// `crannogd fsck --full` finds nothing.
    pub fn assert_sound(&self) {
        let output = self.admin(&["fsck", "--full"]);
        assert!(
            output.status.success(),
            "fsck: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it cleanly.
    pub fn stop(&mut self) {
        if self.child.is_some() {
            let pid = self.pid();
            let mut child = self.child.take().unwrap();
            kill(pid, Signal::SIGTERM).unwrap();
            let status = child.wait().unwrap();
            assert!(
                status.success(),
                "crannogd ended with {status}:\n{}",
                self.logged()
            );
            assert!(
                !self.data.join("admin.sock").exists(),
                "the admin socket was left behind"
            );
        }
    }

    /// Goes on with another folder as its data directory (what a power cut left).
    pub fn move_to(&mut self, data: &Path) {
        assert!(self.child.is_none(), "the server still runs");
        data.clone_into(&mut self.data);
        self.options.env.clear();
        self.options.wrapper.clear();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if let Some(mut child) = self.child.take() {
                let _ = child.kill();
                let _ = child.wait();
            }
        } else {
            self.stop();
        }
    }
}
