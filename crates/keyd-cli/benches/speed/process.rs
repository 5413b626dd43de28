//! Programs beside this one.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

/// Stopped when it is dropped.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// Starts it and waits until it takes connections.
    pub(crate) fn start(command: &mut Command, socket: &Path) -> Outcome<Self> {
        const PATIENCE: Duration = Duration::from_secs(10);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        let (mut running, start) = (Self(child), Instant::now());
        while std::os::unix::net::UnixStream::connect(socket).is_err() {
            if let Some(status) = running.0.try_wait()? {
                return Err(format!("{program} ended with {status}").into());
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("{program} does not take connections at {}", socket.display()).into());
            }
            std::thread::yield_now();
        }
        Ok(running)
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processor time of a process so far, all its threads, in seconds.
pub(crate) fn processor(pid: u32) -> Outcome<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // After the name in parentheses: state is field 3, utime and stime are 14 and 15.
    let (_, fields) = stat.rsplit_once(") ").ok_or("no process")?;
    let mut ticks = 0.0;
    for field in fields.split(' ').skip(11).take(2) {
        ticks += field.parse::<f64>()?;
    }
    // USER_HZ is 100 on every Linux that Rust's standard library supports.
    Ok(ticks / 100.0)
}
