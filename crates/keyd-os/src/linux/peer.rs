//! What the kernel keeps of the process that connected (unix(7), socket(7)).

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::{PeerCredentials, PeerPidfd};

use super::overflow::Overflow;
use crate::peer::{Decoration, GroupId, Peer};

/// Who connected.
pub(super) fn of(socket: &impl AsFd, overflow: Overflow) -> io::Result<Peer> {
    let credentials = getsockopt(socket, PeerCredentials)?;
    let groups = supplementary(socket.as_fd())?;
    let mut groups: Vec<GroupId> = groups.into_iter().filter_map(|id| overflow.group(id)).collect();
    groups.sort_unstable();
    groups.dedup();
    Ok(Peer {
        user: overflow.user(credentials.uid()),
        group: overflow.group(credentials.gid()),
        groups,
        decoration: decoration(credentials.pid(), getsockopt(socket, PeerPidfd).ok()),
    })
}

/// `SO_PEERGROUPS` (Linux 4.13).
fn supplementary(socket: BorrowedFd<'_>) -> io::Result<Vec<libc::gid_t>> {
    const LEN: usize = size_of::<libc::gid_t>();
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    loop {
        let mut len = libc::socklen_t::try_from(groups.len() * LEN).map_err(io::Error::other)?;
        // SAFETY: the buffer has `len` bytes, and any bytes are valid numbers.
        let returned = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        let found = len as usize / LEN;
        if returned == 0 {
            groups.truncate(found);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        // Then `len` says how much is needed; it was fixed at connect, so it does not grow again.
        if error.raw_os_error() != Some(libc::ERANGE) || found <= groups.len() {
            return Err(error);
        }
        groups.resize(found, 0);
    }
}

/// A number may have gone to another process by now. The pidfd (`SO_PEERPIDFD`, Linux 6.5) tells afterwards whether its own
/// process still ran while `/proc` was read under that number; without one the number alone is told.
fn decoration(pid: libc::pid_t, process: Option<OwnedFd>) -> Decoration {
    // A peer in a process namespace that is not below ours has number 0.
    let Some(pid) = u32::try_from(pid).ok().filter(|pid| *pid != 0) else {
        return Decoration::default();
    };
    let (unit, program) = (unit(pid), program(pid));
    let known = process.is_some_and(|process| runs(&process));
    Decoration {
        pid: Some(pid),
        unit: unit.filter(|_| known),
        program: program.filter(|_| known),
    }
}

fn runs(process: &OwnedFd) -> bool {
    let mut poll = libc::pollfd {
        fd: process.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one entry, which outlives the call; it does not wait.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    ready == 0
}

fn unit(pid: u32) -> Option<String> {
    unit_in(&fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)
}

/// Of a file of control groups the innermost unit.
fn unit_in(text: &str) -> Option<String> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    let is_unit = |part: &&str| part.ends_with(".service") || part.ends_with(".scope");
    let unit = path.rsplit('/').find(is_unit)?;
    (unit.len() <= 255 && unit.bytes().all(|byte| byte.is_ascii_graphic())).then(|| unit.to_owned())
}

fn program(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = name.strip_suffix(b"\n").unwrap_or(&name);
    let shown = |byte: &u8| {
        if byte.is_ascii_graphic() {
            char::from(*byte)
        } else {
            '?'
        }
    };
    Some(name.iter().take(15).map(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::unit_in;

    #[test]
    fn the_innermost_unit_is_named() {
        assert_eq!(
            unit_in("0::/system.slice/shop.service\n"),
            Some("shop.service".into())
        );
        assert_eq!(
            unit_in(
                "1:name=systemd:/x.service\n0::/user.slice/user-1.slice/user@1.service/app.slice/a.scope/x\n"
            ),
            Some("a.scope".into())
        );
        assert_eq!(unit_in("0::/\n"), None);
        assert_eq!(unit_in("0::/a\u{7}b.service\n"), None);
        assert_eq!(unit_in(&format!("0::/{}.service\n", "a".repeat(300))), None);
    }
}
