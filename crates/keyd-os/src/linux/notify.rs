//! News for systemd: sd_notify(3), one datagram each.

use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::platform::ServiceState;

/// The socket of `NOTIFY_SOCKET`, connected.
#[derive(Debug)]
pub(super) struct ServiceManager(UnixDatagram);

impl ServiceManager {
    pub(super) fn from_environment() -> Option<Self> {
        let place = env::var_os("NOTIFY_SOCKET")?;
        let address = match place.as_bytes().split_first()? {
            (b'@', name) => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(&place),
        };
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect_addr(&address.ok()?).ok()?;
        // The service does not wait for a manager that does not read.
        socket.set_nonblocking(true).ok()?;
        Some(Self(socket))
    }

    pub(super) fn tell(&self, state: ServiceState) {
        let words: &[u8] = match state {
            ServiceState::Ready => b"READY=1",
            ServiceState::Reloading => b"RELOADING=1",
            ServiceState::Stopping => b"STOPPING=1",
            ServiceState::Alive => b"WATCHDOG=1",
        };
        // News that nobody takes is lost: the manager's watchdog judges.
        let _ = self.0.send(words);
    }
}
