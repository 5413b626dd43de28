//! Who takes part, and what each is asked to do.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::data::Data;
use crate::compare::What;
use crate::tidy::Running;
use crate::{Outcome, run};

/// One thing to do, and to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// The cheapest command there is: what every other one pays before it begins.
    StartUp,
    PutBig,
    GetBig,
    PutSmall,
    GetSmall,
    List,
    PutUnchanged,
    /// A hundred of the ten thousand files have changed.
    PutChanged,
    PutOne,
    /// Through the proxy that holds everything up for 20 ms in each direction.
    PutOneFar,
    /// From the secret alone to a listing of everything, on a device that knows nothing.
    NewDevice,
}

impl Task {
    /// In the order in which they are done.
    pub const ALL: &'static [Self] = &[
        Self::StartUp,
        Self::PutBig,
        Self::GetBig,
        Self::PutSmall,
        Self::GetSmall,
        Self::List,
        Self::PutUnchanged,
        Self::PutChanged,
        Self::PutOne,
        Self::PutOneFar,
        Self::NewDevice,
    ];

    /// For tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::StartUp => "start-up",
            Self::PutBig => "put 1 GiB",
            Self::GetBig => "get 1 GiB",
            Self::PutSmall => "put 10k small",
            Self::GetSmall => "get 10k small",
            Self::List => "list 10k",
            Self::PutUnchanged => "put unchanged",
            Self::PutChanged => "put 100 changed",
            Self::PutOne => "put one",
            Self::PutOneFar => "put one, 40 ms",
            Self::NewDevice => "new device",
        }
    }
}

/// A tool with its server, account and all, in a room of its own.
pub trait Contender {
    /// What to run for a task; what is fetched goes below `into`.
    fn commands(&self, task: Task, into: &Path) -> Outcome<Vec<Command>>;
    /// How much of a file survives.
    fn keeps(&self) -> What;
    /// Where the server keeps what it was given.
    fn stored(&self) -> PathBuf;
    /// Highest memory of the server so far, bytes.
    fn server_memory(&self) -> u64;
    /// Highest memory of a resident client so far, bytes; 0 where there is none.
    fn agent_memory(&self) -> u64;
    /// The proxy before its server.
    fn proxy(&self) -> &super::delay::Proxy;
}

/// Where one contender works: a fresh file system, the data, a certificate.
#[derive(Debug)]
pub struct Room<'a> {
    /// The fresh file system.
    pub top: &'a Path,
    /// What to store.
    pub data: &'a Data,
    /// For the peers' servers.
    pub certificate: &'a Certificate,
}

/// A self-signed certificate for 127.0.0.1.
#[derive(Debug)]
pub struct Certificate {
    /// PEM.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

impl Certificate {
    /// Has openssl make one.
    pub fn make(folder: &Path) -> Outcome<Self> {
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]);
        openssl.args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]);
        run::capture(openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate))?;
        Ok(Self { certificate, key })
    }
}

/// A peer's server, given `--addr`: started and waited for. Gives back its address too.
pub fn serve(command: &mut Command, log: &Path) -> Outcome<(Running, String)> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let log = std::fs::File::create(log)?;
    command
        .args(["--addr", &address])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let running = Running::start(command)?;
    let start = Instant::now();
    while TcpStream::connect(&address).is_err() {
        if start.elapsed() > Duration::from_secs(30) {
            return Err(format!("{} does not answer", run::shown(command)).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((running, address))
}
