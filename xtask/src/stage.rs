//! A real server and real profiles of the real command line, for the demo and the bench.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::layout::Binaries;
use crate::tidy::{Running, agents_below, stop};
use crate::{Outcome, json, run};

/// A server on a port of its own.
#[derive(Debug)]
pub struct Server {
    running: Running,
    crannogd: PathBuf,
    log: PathBuf,
    /// Its data directory.
    pub data: PathBuf,
    /// Host and port.
    pub address: String,
}

/// What `crannogd invite create --json` says.
#[derive(Debug)]
pub struct Invitation {
    /// All of it, as printed: what `crannog join --invite-file` reads.
    pub text: String,
    /// `crannog://host:port#fingerprint`.
    pub server: String,
}

impl Server {
    /// Starts it and waits for the line `listening on ADDR:PORT`. Its log goes to `log`.
    pub fn start(binaries: &Binaries, data: &Path, log: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(data)?;
        let mut command = Command::new(&binaries.crannogd);
        command
            .arg("serve")
            .arg("--data")
            .arg(data)
            .args(["--listen", "127.0.0.1:0"])
            .env("CRANNOGD_METRICS_LISTEN", "127.0.0.1:0");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log)?);
        let mut running = Running::start(&mut command)?;
        let (ready, waiting) = mpsc::channel();
        if let Some(stdout) = running.child().stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if let Some(address) = line.strip_prefix("listening on ") {
                        let _ = ready.send(address.trim().to_owned());
                    }
                }
            });
        }
        let address = waiting.recv_timeout(Duration::from_secs(60)).map_err(|_| {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            format!(
                "crannogd did not say `listening on` within a minute\n{}",
                said.trim_end()
            )
        })?;
        Ok(Self {
            running,
            crannogd: binaries.crannogd.clone(),
            log: log.to_path_buf(),
            data: data.to_path_buf(),
            address,
        })
    }

    /// An operator's command on its data directory.
    pub fn admin(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.crannogd);
        command.args(words).arg("--data").arg(&self.data);
        command
    }

    /// An invite for one account.
    pub fn invite(&self) -> Outcome<Invitation> {
        let text = run::capture(&mut self.admin(&["invite", "create", "--quota", "20GiB", "--json"]))?;
        let server = json::text(&json::parse(&text)?, "server")?;
        Ok(Invitation { text, server })
    }

    /// Highest resident memory so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        peak_memory(self.running.pid())
    }

    /// Bytes that clients have sent so far, with all that TLS and HTTP need.
    pub fn received(&self) -> Outcome<u64> {
        let log = std::fs::read_to_string(&self.log)?;
        let (_, rest) = log
            .split_once("metrics can be read address=")
            .ok_or("the server has no metrics")?;
        let address = rest.lines().next().unwrap_or_default().trim();
        let mut stream = TcpStream::connect(address)?;
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        )?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix("crannogd_received_bytes_total "));
        Ok(line
            .ok_or("the metrics do not tell what was received")?
            .trim()
            .parse()?)
    }

    /// Bytes that count for quotas: blobs in force and entries.
    pub fn counted(&self) -> Outcome<u64> {
        let stats = run::capture(&mut self.admin(&["stats", "--json"]))?;
        Ok(json::parse(&stats)?["used"]
            .as_u64()
            .ok_or("stats do not tell what is used")?)
    }
}

/// One device: a profile in a folder of its own.
#[derive(Debug)]
pub struct Device {
    crannog: PathBuf,
    /// `CRANNOG_HOME`.
    pub home: PathBuf,
    /// The file with this device's password.
    pub password: PathBuf,
}

impl Device {
    /// A profile that does not exist yet, with a random password in a file.
    pub fn new(binaries: &Binaries, home: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(home)?;
        std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o700))?;
        let password = home.with_extension("password");
        write_secret(&password, &random_text()?)?;
        Ok(Self {
            crannog: binaries.crannog.clone(),
            home: home.to_path_buf(),
            password,
        })
    }

    /// One command of this device.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.crannog);
        command
            .env("CRANNOG_HOME", &self.home)
            .env("CRANNOG_PASSWORD_FILE", &self.password)
            .args(words);
        command.stdin(Stdio::null());
        command
    }

    /// Makes an account; the words go to `words`.
    pub fn join(&self, invitation: &Invitation, name: &str, device: &str, words: &Path) -> Outcome<Command> {
        let invite = self.home.with_extension("invite");
        write_secret(&invite, &invitation.text)?;
        let mut command = self.command(["join", "--name", name, "--device", device]);
        command.arg("--invite-file").arg(invite);
        command
            .arg("--password-file")
            .arg(&self.password)
            .arg("--words-file")
            .arg(words);
        Ok(command)
    }

    /// Gets the account back from the words alone.
    pub fn recover(&self, server: &str, name: &str, device: &str, words: &Path) -> Command {
        let mut command = self.command(["recover", server, "--name", name, "--device", device]);
        command
            .arg("--password-file")
            .arg(&self.password)
            .arg("--words-file")
            .arg(words);
        command
    }

    /// Highest resident memory of its agent so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        agents_below(&self.home)
            .into_iter()
            .map(|pid| peak_memory(pid.cast_unsigned()))
            .max()
            .unwrap_or(0)
    }

    /// Ends its agent.
    pub fn stop(&self) {
        let _ = run::output(&mut self.command(["agent", "stop"]));
        agents_below(&self.home).into_iter().for_each(stop);
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        agents_below(&self.home).into_iter().for_each(stop);
    }
}

/// `VmHWM` of a process, in bytes; 0 when it is gone.
pub fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or_default();
    line.trim()
        .trim_end_matches(" kB")
        .trim()
        .parse::<u64>()
        .unwrap_or(0)
        * 1024
}

fn write_secret(path: &Path, text: &str) -> Outcome {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

/// Sixteen random bytes in hex.
pub fn random_text() -> Outcome<String> {
    let mut bytes = [0_u8; 16];
    Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
