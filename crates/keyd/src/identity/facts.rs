//! What is known of who speaks.

use std::fmt;
use std::net::SocketAddr;

use crannog_keyd_audit::Subject;
use crannog_keyd_os::{GroupId, UserId};
use data_encoding::HEXLOWER;

use super::socket::SocketName;
use crate::policy::Fact;

/// Who speaks on one connection, for as long as it lives. Belongs to the connection: a descriptor that is passed on speaks as
/// the one who connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts(pub(super) Origin);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Local(Local),
    Remote(Remote),
}

/// By the kernel's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Local {
    /// KEY-008: `None` for a user who has no number here.
    pub(super) user: Option<UserId>,
    /// For the audit log alone.
    pub(super) group: Option<GroupId>,
    /// Those that give rights: the kernel lists them, and the directory of users does.
    pub(super) groups: Vec<GroupId>,
    /// Those that take rights away: all that the kernel lists.
    pub(super) held: Vec<GroupId>,
    pub(super) socket: SocketName,
    pub(super) admin: bool,
}

/// By the TLS process's word (KEY-009).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) certificate: [u8; 32],
    pub(super) spki: [u8; 32],
    pub(super) account: Option<[u8; 32]>,
    pub(super) address: SocketAddr,
}

impl Facts {
    /// Whether the connection came through the TLS process.
    pub const fn is_remote(&self) -> bool {
        matches!(self.0, Origin::Remote(_))
    }

    /// Whether it is an administrator's.
    pub const fn is_admin(&self) -> bool {
        matches!(self.0, Origin::Local(Local { admin: true, .. }))
    }

    /// The user of a local connection.
    pub const fn user(&self) -> Option<UserId> {
        match &self.0 {
            Origin::Local(local) => local.user,
            Origin::Remote(_) => None,
        }
    }

    /// SHA-256 of the client's certificate, which tokens are bound to (KEY-012); `None` on a local connection.
    pub const fn certificate(&self) -> Option<&[u8; 32]> {
        match &self.0 {
            Origin::Local(_) => None,
            Origin::Remote(remote) => Some(&remote.certificate),
        }
    }

    /// The key of the account that certifies a client of the network.
    pub const fn account(&self) -> Option<&[u8; 32]> {
        match &self.0 {
            Origin::Remote(Remote {
                account: Some(key), ..
            }) => Some(key),
            _ => None,
        }
    }

    /// Tells local sockets apart, for counting.
    pub(crate) fn socket_hash(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        if let Origin::Local(local) = &self.0 {
            local.socket.as_str().hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Where a client of the network is, as the TLS process says; for people, and decides nothing.
    pub const fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Origin::Local(_) => None,
            Origin::Remote(remote) => Some(remote.address),
        }
    }

    /// As the audit log writes it.
    pub fn subject(&self) -> Subject<'_> {
        match &self.0 {
            Origin::Local(local) => Subject {
                uid: local.user.map(UserId::number),
                gid: local.group.map(GroupId::number),
                socket: Some(local.socket.as_str().into()),
                ..Subject::default()
            },
            Origin::Remote(remote) => Subject {
                socket: Some(SocketName::tls().as_str().to_owned().into()),
                cert: Some(HEXLOWER.encode(&remote.certificate).into()),
                account: remote.account.map(|key| HEXLOWER.encode(&key).into()),
                ..Subject::default()
            },
        }
    }

    /// Whether one fact of a rule that denies holds. A group does by the kernel's word alone: a directory of users that does not answer,
    /// or that says otherwise, lifts no denial.
    pub(crate) fn hold_to_deny(&self, fact: &Fact) -> bool {
        match (&self.0, fact) {
            (Origin::Local(local), Fact::Group(group)) => local.held.contains(group),
            _ => self.hold(fact),
        }
    }

    /// Whether one fact of a rule that allows holds. What is known of a certificate never holds on a local socket, and the other way round.
    pub(crate) fn hold(&self, fact: &Fact) -> bool {
        match &self.0 {
            Origin::Local(local) => match fact {
                Fact::User(user) => local.user == Some(*user),
                Fact::Group(group) => local.groups.contains(group),
                Fact::Socket(name) => !name.is_tls() && local.socket == *name,
                Fact::Any => true,
                Fact::Cert(_) | Fact::Spki(_) | Fact::Account(_) | Fact::Unknown => false,
            },
            Origin::Remote(remote) => match fact {
                Fact::Cert(hash) => remote.certificate == *hash,
                Fact::Spki(hash) => remote.spki == *hash,
                Fact::Account(key) => remote.account == Some(*key),
                Fact::Socket(name) => name.is_tls(),
                Fact::User(_) | Fact::Group(_) | Fact::Any | Fact::Unknown => false,
            },
        }
    }
}

/// As a subject of the policy would name it.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Origin::Local(local) => {
                if let Some(user) = local.user {
                    write!(f, "uid:{user}+")?;
                }
                write!(f, "socket:{}", local.socket)
            }
            Origin::Remote(remote) => match &remote.account {
                Some(key) => write!(f, "account:{}", HEXLOWER.encode(key)),
                None => write!(f, "cert:sha256:{}", HEXLOWER.encode(&remote.certificate)),
            },
        }
    }
}
