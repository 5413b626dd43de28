//! The lock and the socket of a profile.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crannog_agent_api::lock_file::{self, Lock, Place};
use crannog_agent_api::{Code, Failure, Start, socket_path};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What makes an agent the agent of its profile.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) lock: Lock,
    pub(crate) listener: UnixListener,
    pub(crate) socket: PathBuf,
}

impl Post {
    /// Takes it: the lock first, then the socket.
    pub(crate) fn take(home: &Path, how: Start) -> Result<Self, Failure> {
        let mut lock = match (Lock::try_take(home, lock_file::AGENT)?, how) {
            (Some(lock), _) => lock,
            (None, Start::Detached) => succeed(home)?,
            (None, _) => {
                let failure = Failure::new(Code::Conflict, "an agent already runs for this profile");
                return Err(failure
                    .object(home.display().to_string())
                    .hint("crannog agent status"));
            }
        };
        let socket = socket_path::choose(home)?;
        let listener = bind(&socket).map_err(|error| {
            Failure::new(Code::LocalIo, error.to_string()).object(socket.display().to_string())
        })?;
        lock.write(&Place {
            pid: std::process::id(),
            socket: socket.clone(),
        })?;
        Ok(Self {
            lock,
            listener,
            socket,
        })
    }

    /// Gives it up. The lock goes when the process does.
    pub(crate) fn leave(&self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Someone holds the lock, but the command that started us, alone under `start.lock`, could not reach him: his socket is
/// gone (a logout empties the runtime directory), or he is about to end. Asks him to, and waits.
fn succeed(home: &Path) -> Result<Lock, Failure> {
    if let Some(pid) = lock_file::place(home)
        .and_then(|place| i32::try_from(place.pid).ok())
        .filter(|pid| *pid > 1)
    {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    Lock::wait(home, lock_file::AGENT)
}

/// Binds where a dead agent may have left its socket. The folder is ours alone, and so is the lock.
fn bind(socket: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixListener::bind(socket)
}
