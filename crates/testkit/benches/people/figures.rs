//! Samples and how they are told.

use std::io::Write;
use std::time::{Duration, Instant};

/// Prints one figure.
pub(crate) fn tell(name: &str, value: f64, unit: &str) {
    let _ = writeln!(std::io::stdout(), "people {name} {value:.3} {unit}");
}

/// Milliseconds from `start` to `end`, below 0 if `end` came first.
pub(crate) fn between(start: Instant, end: Instant) -> f64 {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    match end.checked_duration_since(start) {
        Some(after) => ms(after),
        None => -ms(start.duration_since(end)),
    }
}

/// Measured times in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn add(&mut self, ms: f64) {
        self.0.push(ms);
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest sample that so great a share of all does not exceed.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// How many, the median, and the 99th percentile where there are enough for one; else the greatest.
    pub(crate) fn tell(&self, name: &str) {
        tell(&format!("{name}.samples"), self.len() as f64, "count");
        tell(&format!("{name}.p50"), self.at(0.5), "ms");
        let (tail, share) = if self.len() >= 100 {
            ("p99", 0.99)
        } else {
            ("max", 1.0)
        };
        tell(&format!("{name}.{tail}"), self.at(share), "ms");
    }
}

/// `field` of a process's status in KiB.
pub(crate) fn memory(pid: i32, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse().unwrap()
}

/// Processor time of a process so far, all its threads, in seconds.
pub(crate) fn processor(pid: i32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // After the name in parentheses: state is field 3, utime and stime are 14 and 15.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: f64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<f64>().unwrap())
        .sum();
    // USER_HZ is 100 on every Linux that Rust's standard library supports.
    ticks / 100.0
}

/// MiB that this process has had written to disk so far; `None` where the kernel does not tell.
pub(crate) fn written() -> Option<f64> {
    let io = std::fs::read_to_string("/proc/self/io").ok()?;
    let bytes = io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?;
    Some(bytes.parse::<f64>().ok()? / 1_048_576.0)
}
