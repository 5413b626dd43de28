//! Who speaks on a local socket.

use std::fmt;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The id with this number, as a policy or a test writes it.
            pub const fn from_number(number: u32) -> Self {
                Self(number)
            }

            /// The number, for the audit log.
            pub const fn number(self) -> u32 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A user of this system. Compared, resolved from a name, shown; never computed with.
    UserId
}
id! {
    /// A group of users of this system. Compared, resolved from a name, shown; never computed with.
    GroupId
}

/// Who spoke at `connect`, by the kernel's word, fixed for the life of the connection.
///
/// It names users, not programs: any program of the user may have connected, and a connected socket can be passed on to
/// another process (`SCM_RIGHTS`, unix(7)), which then speaks as the one who connected. Identity therefore belongs to a
/// connection and to nothing that lives longer.
///
/// KEY-008: an id that has no number in this process's user namespace is `None`, or missing from `groups`: what the kernel
/// shows in its place (the overflow ids, user_namespaces(7)) stands for many, and can match nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The effective user.
    pub user: Option<UserId>,
    /// The effective group.
    pub group: Option<GroupId>,
    /// The supplementary groups, ascending. They may lack `group`.
    pub groups: Vec<GroupId>,
    /// For the audit log alone.
    pub decoration: Decoration,
}

impl Peer {
    /// Whether the kernel lists the group: as the effective or as a supplementary one.
    pub fn is_in(&self, group: GroupId) -> bool {
        self.group == Some(group) || self.groups.binary_search(&group).is_ok()
    }
}

/// What is worth noting of the peer's process and must never decide anything: a process number is used again, and the
/// program may have changed since. Absent where the system does not show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoration {
    pub(crate) pid: Option<u32>,
    pub(crate) unit: Option<String>,
    pub(crate) program: Option<String>,
}

impl Decoration {
    /// The process that connected.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// The unit of the service manager in which it ran when it was accepted: printable ASCII, at most 255 characters.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// What the process calls itself (`comm`, at most 15 characters): its own word, printable ASCII only.
    pub fn program(&self) -> Option<&str> {
        self.program.as_deref()
    }
}
