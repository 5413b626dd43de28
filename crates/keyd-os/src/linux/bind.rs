//! A listening socket that is there from one moment to the next.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind as bind_to, listen, socket,
};

use crate::platform::Endpoint;

/// Makes it beside its place, gives it its rights before anybody can connect (it does not listen yet), and moves it over what
/// an earlier process left there.
pub(super) fn bind(endpoint: &Endpoint<'_>) -> io::Result<UnixListener> {
    let mut beside = endpoint.path.as_os_str().to_owned();
    beside.push(".new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let made = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    bind_to(made.as_raw_fd(), &UnixAddr::new(beside.as_os_str())?)?;
    fs::set_permissions(&beside, Permissions::from_mode(endpoint.mode))?;
    listen(&made, Backlog::MAXCONN)?;
    fs::rename(&beside, endpoint.path)?;
    Ok(made.into())
}
