//! A real server and real profiles of the real command line, for the tests that know nothing of the inside.

pub(crate) mod backup;
pub(crate) mod disk;
pub(crate) mod tree;

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crannog_agent_api::lock_file;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The server's program.
pub(crate) fn crannogd() -> PathBuf {
    program("CRANNOGD_BIN")
}

/// The command line's program.
pub(crate) fn crannog() -> PathBuf {
    program("CRANNOG_BIN")
}

fn program(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} must name the built program; `cargo xtask test` sets it"));
    let path = PathBuf::from(path);
    assert!(path.is_file(), "{variable}: there is no file {}", path.display());
    path
}

/// A number from the environment.
pub(crate) fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} must be a number")),
        Err(_) => default,
    }
}

/// Small, quick, and the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The seed is `CRANNOG_SOAK_SEED`, else the time; it is printed.
    pub(crate) fn new() -> Self {
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = number("CRANNOG_SOAK_SEED", u64::from(now.subsec_nanos()) ^ now.as_secs());
        println!("CRANNOG_SOAK_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last + 1 - first)
    }

    /// Another, independent one.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}

/// What one command said.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    /// The one document on standard output.
    pub(crate) json: Value,
    pub(crate) stderr: String,
}

impl Done {
    pub(crate) fn new(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            json: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The failure's code; empty when there was none.
    pub(crate) fn error(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }

    /// Codes of single files that failed.
    pub(crate) fn failed(&self) -> Vec<&str> {
        let list = self.json["failed"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        list.iter()
            .filter_map(|failure| failure["code"].as_str())
            .collect()
    }

    pub(crate) fn text(&self, key: &str) -> String {
        self.json["error"][key].as_str().unwrap_or_default().to_owned()
    }

    /// Fails unless it failed in this way.
    #[track_caller]
    pub(crate) fn must_fail(&self, exit: i32, code: &str) -> &Self {
        assert_eq!((self.code, self.error()), (exit, code), "{self:?}");
        self
    }
}

/// A folder for one test; agents of profiles in it end with it.
#[derive(Debug)]
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("crannog-").tempdir().unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        kill_all(&agents_below(self.path()));
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) data: PathBuf,
    pub(crate) address: String,
}

impl Server {
    /// On a port of its own.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_at(data, "127.0.0.1:0")
    }

    pub(crate) fn start_at(data: &Path, address: &str) -> Self {
        Self::launch(Command::new(crannogd()), data, address)
    }

    /// `command` is what goes before `serve`: the program, or one that runs it.
    pub(crate) fn launch(mut command: Command, data: &Path, address: &str) -> Self {
        Self::try_launch(&mut command, data, address).unwrap_or_else(|said| panic!("{said}"))
    }

    /// What the server said, if it does not start.
    pub(crate) fn try_launch(command: &mut Command, data: &Path, address: &str) -> Result<Self, String> {
        Self::try_launch_with_log(command, data, address, &data.with_extension("log"))
    }

    /// The same; its log goes to a file of this name.
    pub(crate) fn try_launch_with_log(
        command: &mut Command,
        data: &Path,
        address: &str,
        log: &Path,
    ) -> Result<Self, String> {
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        command
            .arg("serve")
            .arg("--data")
            .arg(data)
            .args(["--listen", address]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        if let Some(address) = line.trim().strip_prefix("listening on ") {
            return Ok(Self {
                child,
                data: data.to_path_buf(),
                address: address.to_owned(),
            });
        }
        let status = child.wait().unwrap();
        let log = std::fs::read_to_string(log).unwrap_or_default();
        Err(format!("crannogd does not start ({status}): {line}{log}"))
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// SIGKILL, and nothing is left of it.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// The same; its place is kept for another one.
    pub(crate) fn end(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// SIGKILL, and another one on the same directory and port.
    pub(crate) fn kill_and_restart(&mut self) {
        self.end();
        *self = Self::start_at(&self.data, &self.address);
    }

    /// SIGTERM, and a clean end.
    pub(crate) fn stop(mut self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "crannogd ended with {status}");
    }

    /// It stands still, and whoever waits for it waits on.
    pub(crate) fn freeze(&self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGSTOP).unwrap();
    }

    /// It goes on.
    pub(crate) fn thaw(&self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGCONT).unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn admin(&self, words: &[&str]) -> Value {
        let done = admin(&self.data, words);
        assert_eq!(done.code, 0, "crannogd {words:?}: {done:?}");
        done.json
    }

    /// The invite as printed.
    pub(crate) fn invite(&self, quota: &str) -> Value {
        self.admin(&["invite", "create", "--quota", quota])
    }

    /// Bytes that the account uses, dropped blobs not counted.
    pub(crate) fn used(&self, name: &str) -> u64 {
        self.admin(&["inspect", name])["account"]["used"]
            .as_u64()
            .unwrap()
    }

    /// Blobs that it took and that no entry names.
    pub(crate) fn staged(&self) -> u64 {
        self.admin(&["stats"])["staged"].as_u64().unwrap()
    }

    /// Rows, files, chains, signatures and every byte agree.
    pub(crate) fn fsck(&self) {
        fsck(&self.data);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An operator's command.
pub(crate) fn admin(data: &Path, words: &[&str]) -> Done {
    let mut command = Command::new(crannogd());
    command.args(words).arg("--data").arg(data).arg("--json");
    Done::new(&command.stdin(Stdio::null()).output().unwrap())
}

/// `crannogd fsck --full` finds nothing.
#[track_caller]
pub(crate) fn fsck(data: &Path) {
    let done = admin(data, &["fsck", "--full"]);
    let clean = done.json["problems"].as_array().is_some_and(Vec::is_empty);
    assert!(done.code == 0 && clean, "fsck: {done:?}");
}

/// One device: a profile in a folder of its own.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) home: PathBuf,
    pub(crate) password: PathBuf,
    /// What else its commands, and so its agent, find there.
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

impl Device {
    /// Its profile is `name` in `top`.
    pub(crate) fn new(top: &Path, name: &str) -> Self {
        Self::at(top, &top.join(name))
    }

    /// Its profile is anywhere; the rest of what it needs is in `top`.
    pub(crate) fn at(top: &Path, home: &Path) -> Self {
        std::fs::create_dir_all(home).unwrap();
        std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o700)).unwrap();
        let name = home.file_name().unwrap().to_string_lossy().into_owned();
        let password = top.join(format!("{name}.password"));
        std::fs::write(&password, format!("the long password of {name}")).unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        Self {
            home: home.to_path_buf(),
            password,
            environment: Vec::new(),
        }
    }

    /// A command of this device, with `--json`.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.locked_command(words);
        command.env("CRANNOG_PASSWORD_FILE", &self.password);
        command
    }

    /// The same, but nobody tells it the password.
    pub(crate) fn locked_command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(crannog());
        command
            .arg("--json")
            .args(words)
            .env("CRANNOG_HOME", &self.home)
            .env("XDG_RUNTIME_DIR", self.password.parent().unwrap())
            .env_remove("CRANNOG_PASSWORD_FILE")
            .env_remove("LD_PRELOAD")
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Done {
        Done::new(&self.command(words).output().unwrap())
    }

    /// Runs a command that must succeed; its result.
    #[track_caller]
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Value {
        let mut command = self.command(words);
        let mut done = Done::new(&command.output().unwrap());
        assert_eq!(done.code, 0, "{:?}: {done:?}", command.get_args());
        done.json["result"].take()
    }

    /// As [`Self::ok`], with an umask of its own.
    #[track_caller]
    pub(crate) fn ok_with_umask(&self, umask: &str, words: [&str; 4]) -> Value {
        let inner = self.command(words);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
        command.arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut done = Done::new(&command.stdin(Stdio::null()).output().unwrap());
        assert_eq!(done.code, 0, "{words:?}: {done:?}");
        done.json["result"].take()
    }

    /// Makes the account; its words are in the file that comes back.
    #[track_caller]
    pub(crate) fn join(&self, invite: &Value, name: &str) -> PathBuf {
        let (file, words) = (
            self.password.with_extension("invite"),
            self.password.with_extension("words"),
        );
        std::fs::write(&file, invite.to_string()).unwrap();
        let mut command = self.command(["join", "--name", name, "--device", "first"]);
        command
            .arg("--invite-file")
            .arg(file)
            .arg("--words-file")
            .arg(&words);
        let done = Done::new(&command.output().unwrap());
        assert_eq!(done.code, 0, "{done:?}");
        words
    }

    /// Gets the account back from the words alone.
    #[track_caller]
    pub(crate) fn recover(&self, invite: &Value, name: &str, words: &Path) {
        let server = invite["server"].as_str().unwrap();
        let device = self.home.file_name().unwrap().to_string_lossy().into_owned();
        let mut command = self.command(["recover", server, "--name", name, "--device", &device, "--yes"]);
        command.arg("--words-file").arg(words);
        let done = Done::new(&command.output().unwrap());
        assert_eq!(done.code, 0, "{done:?}");
    }

    /// Every byte that the server keeps is what it should be.
    #[track_caller]
    pub(crate) fn verify_store(&self) {
        let findings = self.ok(["verify-store"]);
        let good = |finding: &Value| finding["state"] == "ok";
        let all = findings
            .as_array()
            .is_some_and(|list| !list.is_empty() && list.iter().all(good));
        assert!(all, "verify-store: {findings}");
    }

    /// Its agents: one, or none.
    pub(crate) fn agents(&self) -> Vec<i32> {
        agents_below(&self.home)
    }

    /// `kill -9` of its agent; true if there was one.
    pub(crate) fn kill_agent(&self) -> bool {
        let agents = self.agents();
        kill_all(&agents);
        !agents.is_empty()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.kill_agent();
    }
}

/// A command whose lines on standard error come one by one.
pub(crate) struct Watched {
    pub(crate) child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Watched {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.args(["--progress", "json"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line, if there is one.
    pub(crate) fn line(&mut self) -> Option<String> {
        self.lines.next().and_then(Result::ok)
    }

    /// Waits until so many bytes are done; false if it ended before.
    pub(crate) fn until_bytes(&mut self, bytes: u64) -> bool {
        while let Some(line) = self.line() {
            let event: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
            if event["bytes"].as_u64().is_some_and(|done| done >= bytes) {
                return true;
            }
        }
        false
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Done {
        let mut stderr = String::new();
        while let Some(line) = self.line() {
            stderr.push_str(&line);
            stderr.push('\n');
        }
        let mut done = Done::new(&self.child.wait_with_output().unwrap());
        done.stderr = stderr;
        done
    }
}

/// The agents of the profiles `folder` and those directly in it, by what stands in their lock files.
pub(crate) fn agents_below(folder: &Path) -> Vec<i32> {
    let inside = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let homes = std::iter::once(folder.to_path_buf()).chain(inside.map(|entry| entry.path()));
    let named = homes.filter_map(|home| lock_file::place(&home));
    named
        .map(|place| place.pid.cast_signed())
        .filter(|pid| is_agent(*pid))
        .collect()
}

/// The file outlives its agent, whose number may be another process's by now.
fn is_agent(pid: i32) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim() == "crannog" && alive(pid)
}

fn kill_all(pids: &[i32]) {
    for pid in pids {
        let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
    let start = Instant::now();
    for pid in pids {
        while alive(*pid) && start.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
    }
}

fn alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.ok()
        .and_then(|stat| stat.rsplit_once(") ").map(|(_, rest)| !rest.starts_with('Z')))
        .unwrap_or(false)
}

/// We may mount.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
