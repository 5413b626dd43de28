//! Sockets that the service manager opened: sd_listen_fds(3).

use std::env;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::sync::{Mutex, PoisonError};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::{AcceptConn, SockType};
use nix::unistd::getpid;

/// The first descriptor that is handed over.
const FIRST: RawFd = 3;

/// Those that nobody took yet, with their names; `None` before the first question.
static HANDED: Mutex<Option<Vec<(String, OwnedFd)>>> = Mutex::new(None);

/// The listening socket of this name, once.
pub(super) fn take(name: &str) -> io::Result<Option<UnixListener>> {
    let mut handed = HANDED.lock().unwrap_or_else(PoisonError::into_inner);
    let handed = handed.get_or_insert_with(adopt);
    let Some(at) = handed.iter().position(|(own, _)| own == name) else {
        return Ok(None);
    };
    let (_, socket) = handed.swap_remove(at);
    let stream = getsockopt(&socket, SockType)? == nix::sys::socket::SockType::Stream;
    if !stream || !getsockopt(&socket, AcceptConn)? {
        let message = format!("the service manager's {name} is not a listening stream socket");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let socket = UnixListener::from(socket);
    // Fails for a socket of another family.
    socket.local_addr()?;
    socket.set_nonblocking(true)?;
    Ok(Some(socket))
}

/// What the variables say is ours, if they are meant for this process.
fn adopt() -> Vec<(String, OwnedFd)> {
    let number = |variable| env::var(variable).ok()?.parse::<i32>().ok();
    if number("LISTEN_PID") != Some(getpid().as_raw()) {
        return Vec::new();
    }
    let count = number("LISTEN_FDS").unwrap_or(0).clamp(0, 1024);
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names = names.split(':').map(str::to_owned);
    (FIRST..FIRST + count).zip(names).filter_map(own).collect()
}

fn own((descriptor, name): (RawFd, String)) -> Option<(String, OwnedFd)> {
    // SAFETY: a question about a number, which need not be open.
    if unsafe { libc::fcntl(descriptor, libc::F_GETFD) } < 0 {
        return None;
    }
    // SAFETY: it is open, the service manager made it for this process, and `HANDED` sees to it that it is adopted once.
    let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
    fcntl(&socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    Some((name, socket))
}
