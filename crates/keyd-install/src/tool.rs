//! Programs of the system.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::error::InstallError;

/// Where system programs are, whatever the caller's environment says.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// None of them says more.
const MAX_OUTPUT: usize = 64 << 10;

/// A program of the system, run with a clean environment.
pub(crate) struct Tool {
    name: &'static str,
    command: Command,
}

impl Tool {
    pub(crate) fn new(name: &'static str) -> Self {
        let mut command = Command::new(name);
        command.env_clear().env("PATH", PATH).env("LC_ALL", "C");
        Self { name, command }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it; an error if it fails.
    pub(crate) fn run(self) -> Result<(), InstallError> {
        self.exchange(b"").map(drop)
    }

    /// Whether it succeeds.
    pub(crate) fn succeeds(mut self) -> Result<bool, InstallError> {
        let quiet = self.command.stdin(Stdio::null()).stdout(Stdio::null());
        let status = quiet.stderr(Stdio::null()).status();
        let status = status.map_err(|source| self.missing(source))?;
        Ok(status.success())
    }

    /// What it says when it is given `input`. Both may be secret.
    pub(crate) fn exchange(mut self, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, InstallError> {
        let piped = self.command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let spawned = piped.stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|source| self.missing(source))?;
        if let Some(mut stdin) = child.stdin.take() {
            // Who does not read to the end says why by failing.
            let _ = stdin.write_all(input);
        }
        let output = drain(child.stdout.take()).map_err(|source| self.missing(source))?;
        let complaint = drain(child.stderr.take()).map_err(|source| self.missing(source))?;
        let status = child.wait().map_err(|source| self.missing(source))?;
        if status.success() {
            return Ok(output);
        }
        let complaint = String::from_utf8_lossy(&complaint);
        let complaint = complaint.trim();
        let message = if complaint.is_empty() {
            status.to_string()
        } else {
            complaint.to_owned()
        };
        Err(InstallError::Tool {
            tool: self.name,
            message,
        })
    }

    fn missing(&self, source: io::Error) -> InstallError {
        InstallError::NoTool {
            tool: self.name,
            source,
        }
    }
}

fn drain(pipe: Option<impl Read>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT));
    if let Some(pipe) = pipe {
        pipe.take(MAX_OUTPUT as u64).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
