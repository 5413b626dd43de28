//! A real key service for one test: its own store, sockets and policy below a temporary folder, run by the real program as a user of its
//! own. These tests need root, as a service's start does.

pub(crate) mod http;
pub(crate) mod people;
pub(crate) mod tls;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crannog_keyd::store::StateDir;
use crannog_keyd_keys::{NewSlot, RecoveryKey, StoreId, UnlockFile};
use crannog_seal::keyd::StoreKey;

pub(crate) use http::Http;

/// The service's user and group: they own nothing else.
pub(crate) const USER: &str = "nobody";
pub(crate) const USER_ID: u32 = 65534;
/// Who may assert certificates.
pub(crate) const TLS_USER: &str = "daemon";

/// The program under test.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_crannog-keyd"))
}

/// Places of one service.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

/// A running service; killed when it is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    log: PathBuf,
}

/// Rules by which root may do everything, and nobody else anything.
pub(crate) const ROOT_ALONE: &str = r#"
format = 1
[[rule]]
name = "root"
subjects = ["user:root"]
keys = ["*"]
allow = ["all"]
"#;

impl World {
    /// A new store, its unlocking key in a file, and this policy.
    pub(crate) fn new(policy: &str) -> Self {
        Self::with_config(policy, "")
    }

    /// With more of a configuration: sections only, as fields of the top stand already.
    pub(crate) fn with_config(policy: &str, more: &str) -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "these tests start a service as root"
        );
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let mut rng = rand::rng();
        let (key, secret) = (StoreKey::generate(&mut rng), rand::random::<[u8; 32]>());
        let recovery = RecoveryKey::generate(&mut rng);
        let id = StoreId(rand::random());
        let unlock = UnlockFile::create(&id, &key, &NewSlot::KeyFile(&secret), &recovery, &mut rng).unwrap();
        let world = Self { folder };
        for (name, mode) in [("etc", 0o755), ("state", 0o700), ("run", 0o755)] {
            fs::create_dir(world.path(name)).unwrap();
            fs::set_permissions(world.path(name), Permissions::from_mode(mode)).unwrap();
        }
        StateDir::lock(&world.state())
            .unwrap()
            .make(&key, &unlock, 0)
            .unwrap();
        give(&world.state());
        chown(world.path("run"), Some(USER_ID), None).unwrap();
        world.write(
            "etc/master.key",
            &format!("{}\n", data_encoding::HEXLOWER.encode(&secret)),
            0o400,
        );
        chown(world.path("etc/master.key"), Some(USER_ID), None).unwrap();
        world.write("etc/policy.toml", policy, 0o644);
        let config = format!(
            "state = {:?}\nrun = {:?}\npolicy = {:?}\n{more}\n[unlock]\nkey_file = {:?}\n",
            world.state(),
            world.path("run"),
            world.path("etc/policy.toml"),
            world.path("etc/master.key")
        );
        world.write("etc/config.toml", &config, 0o644);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("run/clients/keyd.sock")
    }

    pub(crate) fn admin(&self) -> PathBuf {
        self.path("run/admin.sock")
    }

    pub(crate) fn write(&self, name: &str, text: &str, mode: u32) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    /// Starts it and waits until it serves.
    pub(crate) fn start(&self) -> Running {
        self.try_start()
            .unwrap_or_else(|log| panic!("the service does not start: {log}"))
    }

    /// Starts it; what it said, if it ends instead of serving.
    pub(crate) fn try_start(&self) -> Result<Running, String> {
        let mut command = Command::new(program());
        command
            .args(["serve", "--user", USER, "--config"])
            .arg(self.path("etc/config.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (log, mut said) = (self.path("log"), String::new());
        for line in lines.by_ref() {
            let line = line.unwrap();
            said.push_str(&line);
            said.push('\n');
            if line.contains("serving") {
                let rest = log.clone();
                std::thread::spawn(move || {
                    let rest_of: Vec<String> = lines.map_while(Result::ok).collect();
                    let _ = fs::write(rest, rest_of.join("\n"));
                });
                return Ok(Running { child, log });
            }
        }
        child.wait().unwrap();
        Err(said)
    }

    /// Root's client on the clients' socket.
    pub(crate) fn http(&self) -> Http {
        Http::new(&self.socket())
    }

    /// The program with this service's sockets, as root.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .arg("--socket")
            .arg(self.socket())
            .args(words)
            .stdin(Stdio::null());
        command
    }
}

impl Running {
    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the status with which it ended.
    pub(crate) fn stop(mut self) -> i32 {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!(
                "the service said: {}",
                fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
    }
}

/// The service's own, with all below.
pub(crate) fn give(path: &Path) {
    chown(path, Some(USER_ID), Some(USER_ID)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

/// Both outputs of a command.
pub(crate) fn text(output: &Output) -> String {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{:?} {}{}",
        output.status.code(),
        lossy(&output.stdout),
        lossy(&output.stderr)
    )
}
