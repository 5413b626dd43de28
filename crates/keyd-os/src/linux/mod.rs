//! The service on Linux 5.10 and later. What an older kernel lacks is told in [`Measures`].

mod bind;
mod confine;
mod directory;
mod files;
#[expect(
    unsafe_code,
    reason = "descriptors come from the service manager by number (docs/adr/0016)"
)]
mod handed;
mod harden;
mod key_file;
mod listener;
mod notify;
mod overflow;
#[expect(
    unsafe_code,
    reason = "getsockopt for groups, poll of a pidfd (docs/adr/0016)"
)]
mod peer;
mod process;
mod syscalls;

use std::io;

pub use listener::LinuxListener;

use crate::lock::LockedBytes;
use crate::measures::{HardenError, Measures};
use crate::peer::{GroupId, UserId};
use crate::platform::{
    Confinement, DirectoryError, Endpoint, KeyPlace, KeyPlaceError, Platform, ServiceState,
};
use notify::ServiceManager;
use overflow::Overflow;

/// The service on Linux.
#[derive(Debug)]
pub struct Linux {
    service_manager: Option<ServiceManager>,
    overflow: Overflow,
}

impl Linux {
    /// Looks at the environment: `NOTIFY_SOCKET`, which is connected now because the sandbox may not let it be later, and
    /// the overflow ids of the kernel.
    pub fn new() -> Self {
        Self {
            service_manager: ServiceManager::from_environment(),
            overflow: Overflow::of_this_system(),
        }
    }
}

impl Default for Linux {
    fn default() -> Self {
        Self::new()
    }
}

impl Platform for Linux {
    type Listener = LinuxListener;

    fn harden(&self) -> Result<Measures, HardenError> {
        harden::harden()
    }

    fn unlocking_key(&self, place: &KeyPlace<'_>) -> Result<Option<LockedBytes>, KeyPlaceError> {
        key_file::read(place)
    }

    fn listen(&self, endpoint: &Endpoint<'_>) -> io::Result<LinuxListener> {
        let socket = match handed::take(endpoint.name)? {
            Some(socket) => socket,
            None => bind::bind(endpoint)?,
        };
        Ok(LinuxListener::new(socket, self.overflow))
    }

    fn confine(&self, plan: &Confinement<'_>) -> Result<Measures, HardenError> {
        confine::confine(plan)
    }

    fn notify(&self, state: ServiceState) {
        if let Some(manager) = &self.service_manager {
            manager.tell(state);
        }
    }

    fn user_named(&self, name: &str) -> Result<Option<UserId>, DirectoryError> {
        directory::user_named(name)
    }

    fn group_named(&self, name: &str) -> Result<Option<GroupId>, DirectoryError> {
        directory::group_named(name)
    }

    fn is_member(&self, user: UserId, group: GroupId) -> Result<bool, DirectoryError> {
        directory::is_member(user, group)
    }
}
