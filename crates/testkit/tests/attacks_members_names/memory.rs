//! How much memory a process has taken.

use std::fs;

use crate::bin::Device;

pub(crate) const MIB: u64 = 1 << 20;

/// The agent of a device, and what it held when the look began.
pub(crate) struct Agent {
    pid: i32,
    before: u64,
}

impl Agent {
    /// From now on.
    pub(crate) fn of(device: &Device) -> Self {
        let pid = device.agents()[0];
        // 5: the peak is that of now.
        fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
        Self {
            pid,
            before: field(pid, "VmRSS"),
        }
    }

    /// By how many bytes its memory grew at most. The agent is still the same.
    #[track_caller]
    pub(crate) fn growth(&self, device: &Device) -> u64 {
        assert_eq!(device.agents(), [self.pid], "the agent died");
        field(self.pid, "VmHWM").saturating_sub(self.before)
    }

    /// Fails if it grew by more.
    #[track_caller]
    pub(crate) fn assert_bounded(&self, device: &Device, what: &str, most: u64) {
        let growth = self.growth(device);
        eprintln!(
            "{what}: the agent grew by {} MiB (from {})",
            growth / MIB,
            self.before / MIB
        );
        assert!(growth <= most, "{what}: {} MiB", growth / MIB);
    }
}

fn field(pid: i32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}
