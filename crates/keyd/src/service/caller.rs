//! Who asks, for as long as the connection lives.

use std::sync::atomic::{AtomicBool, Ordering};

use crannog_keyd_os::{Decoration, UserId};

use crate::identity::Facts;

/// One connection, as the service knows it.
#[derive(Debug)]
pub struct Caller {
    pub(super) facts: Facts,
    pub(super) pid: Option<u32>,
    pub(super) unit: Option<String>,
    pub(super) address: Option<String>,
    follows: AtomicBool,
}

/// Whose share of the service's room something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Share {
    /// A user of this system.
    User(UserId),
    /// All who have no number here, on one socket.
    Nameless(u64),
    /// An account, by its key: however many certificates it makes.
    Account([u8; 32]),
    /// A certificate of no account, by its hash.
    Certificate([u8; 32]),
}

impl Caller {
    /// Somebody on a local socket. What is known of the process is for the audit log and decides nothing.
    pub fn local(facts: Facts, process: &Decoration) -> Self {
        Self {
            pid: process.pid(),
            unit: process.unit().map(str::to_owned),
            ..Self::of(facts)
        }
    }

    /// Somebody behind the TLS process.
    pub fn remote(facts: Facts) -> Self {
        Self::of(facts)
    }

    fn of(facts: Facts) -> Self {
        Self {
            address: facts.address().map(|address| address.to_string()),
            facts,
            pid: None,
            unit: None,
            follows: AtomicBool::new(false),
        }
    }

    /// Who it is.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whose share it takes.
    pub fn share(&self) -> Share {
        Share::of(&self.facts)
    }

    /// Whether this connection has waited for records before; from now on it has.
    pub(super) fn follows_already(&self) -> bool {
        self.follows.swap(true, Ordering::Relaxed)
    }
}

impl Share {
    /// Whose share a connection with these facts takes.
    pub fn of(facts: &Facts) -> Self {
        match (facts.account(), facts.certificate(), facts.user()) {
            (Some(key), ..) => Self::Account(*key),
            (None, Some(hash), _) => Self::Certificate(*hash),
            (None, None, Some(user)) => Self::User(user),
            (None, None, None) => Self::Nameless(facts.socket_hash()),
        }
    }
}
