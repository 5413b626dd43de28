//! The three ways in which the program becomes an agent. Commands and agents start it by the same words.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Code, Failure};

/// How an agent comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// By a person or a service manager: stays where it is.
    Foreground,
    /// By a command, on demand: a session of its own, no descriptors; says on its standard output when it listens.
    Detached,
    /// By an older agent that left it its socket (standard input), key (standard output) and lock (standard error).
    HandedOver,
}

impl Start {
    /// The words after the program's name.
    pub fn arguments(self) -> [&'static str; 3] {
        let how = match self {
            Self::Foreground => "--foreground",
            Self::Detached => "--detached",
            Self::HandedOver => "--handed-over",
        };
        ["agent", "start", how]
    }
}

/// glibc gives every thread an arena of its own and keeps in each what was freed: with chunks of 4 MiB that doubled the agent's memory
/// (195 MiB against 100, measured).
const ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");

/// What a detached agent says when it listens; otherwise it says its [`Failure`].
pub const LISTENING: &str = "listening";

/// Starts `program` as the agent of `home` and waits until it listens. The caller holds `start.lock`.
pub fn detached(home: &Path, program: &Path) -> Result<(), Failure> {
    let failed = |why: String| {
        let log = home.join("agent.log");
        Failure::new(Code::TryAgain, format!("the agent does not start: {why}"))
            .object(home.display().to_string())
            .hint(format!(
                "look into {}, or run `crannog agent start --foreground`",
                log.display()
            ))
    };
    let mut command = Command::new(program);
    command
        .args(Start::Detached.arguments())
        .env(crate::home::VARIABLE, home)
        .env(ARENAS.0, ARENAS.1)
        .current_dir("/");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let mut said = String::new();
    if let Some(pipe) = child.stdout.take() {
        // Ends when the agent closes its end, or ends itself.
        pipe.take(64 * 1024)
            .read_to_string(&mut said)
            .map_err(|error| failed(error.to_string()))?;
    }
    if said.trim() == LISTENING {
        return Ok(());
    }
    Err(serde_json::from_str(&said).unwrap_or_else(|_| failed("it ended without a word".into())))
}
