//! How far the process is shut in.

use std::fmt;
use std::io;

/// One thing that stands between a secret and whoever wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// No other process of the same user reads this one's memory or traces it.
    NotDumpable,
    /// No core file.
    NoCore,
    /// Nobody was tracing when this was looked at.
    NotTraced,
    /// Of the files, only those of the plan.
    Files,
    /// No signals to and no abstract sockets of processes outside.
    Scope,
    /// Of the system calls, only those of the list.
    Calls,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDumpable => "not dumpable",
            Self::NoCore => "no core file",
            Self::NotTraced => "not traced",
            Self::Files => "files",
            Self::Scope => "scope",
            Self::Calls => "system calls",
        })
    }
}

/// What is in force, and what this system lacks. Who insists on all looks at `missing`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measures {
    /// In force, irrevocably but for [`Measure::NotTraced`].
    pub in_force: Vec<Measure>,
    /// Not to be had here: an older kernel, or one built without.
    pub missing: Vec<Measure>,
}

impl Measures {
    pub(crate) fn record(&mut self, measure: Measure, in_force: bool) {
        if in_force {
            self.in_force.push(measure);
        } else {
            self.missing.push(measure);
        }
    }
}

/// Why the process may not go on to read secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HardenError {
    /// A debugger is attached; it would see everything.
    #[error("process {tracer} is tracing this one")]
    Traced {
        /// The tracer's process number.
        tracer: u32,
    },
    /// A thread that runs already would stay outside the sandbox.
    #[error("{threads} threads are running; the sandbox must close before the second one starts")]
    ThreadsRunning {
        /// How many.
        threads: usize,
    },
    /// A path of the plan cannot be opened.
    #[error("{path}: {source}")]
    Plan {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system refused what it should grant to everybody.
    #[error("{what}: {source}")]
    Refused {
        /// Which call.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}
