//! What was done.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

/// What was done, or what a dry run would do, in order. As JSON `{"done": […]}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The steps.
    pub done: Vec<Step>,
    /// What is left for the operator.
    #[serde(skip)]
    pub notes: Vec<Note>,
    /// Of a store that was made: the verifier key of its audit log, as a signed note writes it.
    #[serde(skip)]
    pub verifier_key: Option<String>,
}

/// One thing, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it is, in a word or two.
    pub what: String,
    /// Where it is.
    pub path: PathBuf,
    /// What became of it.
    pub action: Action,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.action, self.what, self.path.display())
    }
}

/// What became of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It was not there, or not as it should be; now it is.
    Made,
    /// It was as it should be, or is the operator's: left alone.
    Kept,
    /// It is gone.
    Removed,
    /// A dry run would have changed it.
    Would,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Made => "made",
            Self::Kept => "kept",
            Self::Removed => "removed",
            Self::Would => "would change",
        })
    }
}

/// What is left for the operator to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// No systemd runs here: this line, run by root, starts a process of the service.
    Start(String),
    /// The configuration was there already, and does not say where the TLS process is to listen.
    Listen {
        /// The configuration.
        config: PathBuf,
        /// What `tls.listen` must be.
        address: SocketAddr,
    },
    /// The store is there, but neither an unlocking key nor a passphrase slot for it.
    NothingUnlocks {
        /// The state directory.
        state: PathBuf,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(line) => write!(f, "no systemd runs here; start it with: {line}"),
            Self::Listen { config, address } => write!(
                f,
                "{} was kept; set `listen = \"{address}\"` in its section [tls], then restart crannog-keyd-tls",
                config.display()
            ),
            Self::NothingUnlocks { state } => write!(
                f,
                "nothing on this host unlocks the store; run `crannog-keyd recover --state {}`",
                state.display()
            ),
        }
    }
}
