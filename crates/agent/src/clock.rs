//! The one place that reads a clock.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Time since the machine started, including the time that it slept: a laptop that was closed overnight was idle.
pub(crate) fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map(Duration::from)
        .unwrap_or_default()
}
