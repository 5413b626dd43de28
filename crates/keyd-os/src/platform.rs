//! What the service needs and every operating system does its own way (docs/adr/0015).

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::lock::LockedBytes;
use crate::measures::{HardenError, Measures};
use crate::peer::{GroupId, Peer, UserId};

/// An operating system. The service is generic over it in one place. The order of a start is that of the methods.
pub trait Platform: Send + Sync + 'static {
    /// Streams that carry who speaks.
    type Listener: Listener;

    /// Before any secret is read: no core, no debugger, no inheritance. Refuses when the process is being traced.
    fn harden(&self) -> Result<Measures, HardenError>;

    /// The 32 bytes of an unlocking slot that needs nobody present; `None` if this machine has none.
    fn unlocking_key(&self, place: &KeyPlace<'_>) -> Result<Option<LockedBytes>, KeyPlaceError>;

    /// A local endpoint, made beside and moved into place, or taken over from the service manager by its name.
    fn listen(&self, endpoint: &Endpoint<'_>) -> io::Result<Self::Listener>;

    /// After all files and sockets are open, and before the second thread of the process starts: nothing beyond `plan`
    /// from here on. Irrevocable.
    fn confine(&self, plan: &Confinement<'_>) -> Result<Measures, HardenError>;

    /// Tells the service manager. Does nothing where there is none, and never fails: it is news, not a request.
    fn notify(&self, state: ServiceState);

    /// The user with this name in the directory of users. May block.
    fn user_named(&self, name: &str) -> Result<Option<UserId>, DirectoryError>;

    /// The group with this name in the directory of users. May block.
    fn group_named(&self, name: &str) -> Result<Option<GroupId>, DirectoryError>;

    /// Whether the directory of users lists `user` in `group` now. A user whom it does not know is in none. The caller
    /// takes an error for no. May block.
    fn is_member(&self, user: UserId, group: GroupId) -> Result<bool, DirectoryError>;
}

/// Accepts connections together with what the kernel says about the other end, fixed at that moment.
pub trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection. Cancel safe. An error concerns one connection or, with too many open files, this moment: the
    /// caller goes on accepting.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;
}

/// Where a socket is.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint<'a> {
    /// Its name at the service manager (`LISTEN_FDNAMES`, `FileDescriptorName=`).
    pub name: &'a str,
    /// Where it is made if the service manager holds none of that name. Its folder is there, with rights and group.
    pub path: &'a Path,
    /// Who may connect: the mode of a file, `0o660` for owner and group.
    pub mode: u32,
}

/// Where an unlocking key may be.
#[derive(Debug, Clone, Copy)]
pub struct KeyPlace<'a> {
    /// The folder of the service manager's credentials (`CREDENTIALS_DIRECTORY`); its `master` holds 32 bytes and is
    /// taken before the file.
    pub credentials: Option<&'a Path>,
    /// A file of 64 hex digits and a line end.
    pub file: &'a Path,
}

/// Why an unlocking key is not used. A missing one is no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyPlaceError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// KEY-004: a link, folder or device.
    #[error("KEY-004: {path} is not a file")]
    NotAFile {
        /// Which file.
        path: PathBuf,
    },
    /// KEY-004: somebody else owns it.
    #[error("KEY-004: {path} belongs to user {owner}, neither root nor this service")]
    Owner {
        /// Which file.
        path: PathBuf,
        /// Whose.
        owner: u32,
    },
    /// KEY-004: others can read or write it.
    #[error("KEY-004: {path} has mode {mode:04o}; others must not read or write it")]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
    /// It is too long, too short, or no hex.
    #[error("{path} does not hold a key")]
    NotAKey {
        /// Which file.
        path: PathBuf,
    },
}

/// What the service goes on to need after its start, beyond the sockets and files that are open and what the directory of
/// users needs. A path stands for the file, or for all below the folder. A file that is replaced by rename is lost to the
/// process: name its folder.
#[derive(Debug, Clone, Copy)]
pub struct Confinement<'a> {
    /// Read, written, made, removed, renamed among each other. Each must be there.
    pub read_write: &'a [&'a Path],
    /// Read only. Those that are missing now stay out of reach.
    pub read: &'a [&'a Path],
}

/// What the service manager wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// It serves; also after reloading.
    Ready,
    /// It reads its configuration anew.
    Reloading,
    /// It ends.
    Stopping,
    /// It is not stuck.
    Alive,
}

/// The directory of users gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("the directory of users: {0}")]
pub struct DirectoryError(#[from] pub(crate) io::Error);
