//! What the process is to the system: who may look into it, what it inherits, what it leaves.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{close, dup2_stderr, dup2_stdin, dup2_stdout, setsid};

/// No memory dumps, no tracing by others, files for us alone. Where the kernel refuses, the agent still works.
pub(crate) fn harden() {
    umask(Mode::from_bits_truncate(0o077));
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = set_dumpable(false);
}

/// A session of its own, so that the end of a terminal or of `ssh` does not end the agent. Must run before any file is
/// opened: every descriptor above 2 came from the caller, who waits for its end (cron, ssh).
pub(crate) fn detach() -> io::Result<()> {
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > 2)
        .collect();
    for descriptor in open {
        // One of them was that of the listing itself.
        match close(descriptor) {
            Ok(()) | Err(Errno::EBADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Fails only for the leader of a group, which a child of a command is not.
    let _ = setsid();
    Ok(())
}

/// The three standard descriptors, as they were handed to us, before [`forget_standard`].
pub(crate) struct Standard {
    pub(crate) input: OwnedFd,
    pub(crate) output: OwnedFd,
    pub(crate) error: OwnedFd,
}

/// Takes them.
pub(crate) fn take_standard() -> io::Result<Standard> {
    Ok(Standard {
        input: io::stdin().as_fd().try_clone_to_owned()?,
        output: io::stdout().as_fd().try_clone_to_owned()?,
        error: io::stderr().as_fd().try_clone_to_owned()?,
    })
}

/// Points all three to `/dev/null`.
pub(crate) fn forget_standard() -> io::Result<()> {
    let null: File = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}
