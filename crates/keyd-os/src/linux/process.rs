//! What `/proc` says of this process. It stays readable after [`harden`](super::harden).

use std::fs;
use std::io;

use crate::measures::HardenError;

/// The process that traces this one.
pub(super) fn tracer() -> Result<Option<u32>, HardenError> {
    let status = fs::read_to_string("/proc/self/status").map_err(refused("/proc/self/status"))?;
    let tracer = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"))
        .and_then(|pid| pid.trim().parse::<u32>().ok());
    match tracer {
        Some(0) => Ok(None),
        Some(pid) => Ok(Some(pid)),
        None => Err(refused("/proc/self/status")(io::Error::from(
            io::ErrorKind::InvalidData,
        ))),
    }
}

/// How many threads run.
pub(super) fn threads() -> Result<usize, HardenError> {
    let tasks = fs::read_dir("/proc/self/task").map_err(refused("/proc/self/task"))?;
    Ok(tasks.count())
}

/// An error of a call that should not fail.
pub(super) fn refused<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> HardenError {
    move |source| HardenError::Refused {
        what,
        source: source.into(),
    }
}
