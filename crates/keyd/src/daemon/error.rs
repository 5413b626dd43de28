//! Why the key process does not start.

use std::io;
use std::path::PathBuf;

use crannog_keyd_os::{HardenError, KeyPlaceError};

use crate::policy::LoadError;
use crate::service::{OpenError, UnlockError};
use crate::store::StoreError;

/// Why the key process does not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Root started it and said no user to become.
    #[error("root does not serve: start it with --user, or as its own user")]
    Root,
    /// There is no such user or group.
    #[error("there is no user or group {0}")]
    NoUser(String),
    /// Becoming the user failed.
    #[error("cannot become {user}: {source}")]
    Become {
        /// Whom.
        user: String,
        /// Why.
        source: io::Error,
    },
    /// A folder or socket of the service.
    #[error("{path}: {source}")]
    Path {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process is not shut in as it must be.
    #[error("the sandbox: {0}")]
    Harden(#[from] HardenError),
    /// `hardening = "require"`, and the kernel lacks something.
    #[error("hardening = \"require\", and this kernel lacks: {0}")]
    Missing(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The policy.
    #[error("the policy: {0}")]
    Policy(#[from] LoadError),
    /// The unlocking key.
    #[error(transparent)]
    KeyPlace(#[from] KeyPlaceError),
    /// The unlocking key does not open the store, or the store does not open.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The store or its log.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The runtime.
    #[error("the runtime: {0}")]
    Runtime(io::Error),
    /// A thread ended.
    #[error("a thread of the start ended")]
    Thread,
}
