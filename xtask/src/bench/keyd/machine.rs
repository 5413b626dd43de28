//! Where it was measured.

use serde_json::{Value, json};

use crate::Outcome;

/// A machine that does so much beside gives figures that say little.
const BUSY: f64 = 0.5;

/// Kernel, processors, and how much else went on.
#[derive(Debug)]
pub struct Machine {
    kernel: String,
    processor: String,
    processors: usize,
    load: f64,
}

impl Machine {
    /// This one, now.
    pub fn look() -> Outcome<Self> {
        let load = std::fs::read_to_string("/proc/loadavg")?;
        let all = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = all.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split_once(": "));
        let processors = all.lines().filter(|line| line.starts_with("processor"));
        Ok(Self {
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            // All of them: the bench is pinned anew, wherever this process was.
            processors: processors.count(),
            load: load.split(' ').next().unwrap_or_default().parse()?,
        })
    }

    /// How many processors it has.
    pub fn processors(&self) -> usize {
        self.processors
    }

    /// Says so when something else goes on.
    pub fn warn(&self) {
        if self.load > BUSY {
            eprintln!(
                "the load average is {}: this machine does other work, and the figures say little",
                self.load
            );
        }
    }

    /// One line.
    pub fn line(&self) -> String {
        let busy = if self.load > BUSY {
            ": BUSY, the figures say little"
        } else {
            ""
        };
        format!(
            "{} x {}, Linux {}, load average before {:.2}{busy}",
            self.processors, self.processor, self.kernel, self.load
        )
    }

    /// All of it.
    pub fn json(&self) -> Value {
        json!({"kernel": self.kernel, "processor": self.processor, "processors": self.processors,
               "load_before": self.load, "busy": self.load > BUSY})
    }
}
