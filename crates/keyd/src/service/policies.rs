//! The policy that counts, and its reload.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use crannog_keyd_os::UserId;

use crate::policy::{LoadError, Loaded, Names, Policy, load};

/// A policy in force.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) policy: Policy,
    /// Of its file.
    pub(super) sha256: [u8; 32],
    /// Counts loads: a connection that was judged by an earlier one ends after its next answer.
    pub(super) round: u64,
}

/// The present policy, replaced as a whole between two requests.
pub(super) struct Policies(RwLock<Arc<Current>>);

impl Policies {
    pub(super) fn new(loaded: Loaded) -> Self {
        Self(RwLock::new(Arc::new(Current {
            policy: loaded.policy,
            sha256: loaded.sha256,
            round: 0,
        })))
    }

    pub(super) fn current(&self) -> Arc<Current> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, loaded: Loaded) -> Arc<Current> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(Current {
            policy: loaded.policy,
            sha256: loaded.sha256,
            round: current.round + 1,
        });
        current.clone()
    }
}

/// Reads the policy, which belongs to root or to the user that the service runs as. Blocks.
pub fn read_policy(path: &Path, service: UserId, names: &dyn Names) -> Result<Loaded, LoadError> {
    let root = UserId::from_number(0);
    match load(path, root, names) {
        Err(LoadError::Owner(owner)) if owner == service.number() => load(path, service, names),
        loaded => loaded,
    }
}
