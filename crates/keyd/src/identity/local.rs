//! Who speaks on a local socket.

use crannog_keyd_os::{GroupId, Peer, UserId};

use super::facts::{Facts, Local, Origin};
use super::socket::SocketName;
use crate::policy::{Names, Policy};

/// The peer of the administrators' socket is neither root nor the service's own user. It is closed unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only root and the service's user administer")]
pub struct NotAdmin;

impl Facts {
    /// Of a peer of `socket`, by the kernel's word at `connect` (KEY-008).
    ///
    /// A group counts only if the kernel lists it **and** `nss` does now, so that who was removed from a group loses it on the next
    /// connection; a directory that does not answer lists nobody. `None` is `identity.nss = false`: the kernel's word alone. The
    /// directory is asked for the groups that `policy` names: a group that only a later policy names does not count on this
    /// connection. What denies looks at the kernel's word alone. Blocks.
    pub fn of_peer(peer: &Peer, socket: SocketName, policy: &Policy, nss: Option<&dyn Names>) -> Self {
        let listed = |group: &GroupId| match (nss, peer.user) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(nss), Some(user)) => nss.is_member(user, *group).unwrap_or(false),
        };
        let mut groups = policy.groups();
        groups.retain(|group| peer.is_in(*group) && listed(group));
        let mut held = peer.groups.clone();
        held.extend(peer.group);
        Self(Origin::Local(Local {
            user: peer.user,
            group: peer.group,
            groups,
            held,
            socket,
            admin: false,
        }))
    }

    /// Of a peer of the administrators' socket, who must be root or `service`, the user that the service runs as.
    pub fn of_admin(
        peer: &Peer,
        service: UserId,
        policy: &Policy,
        nss: Option<&dyn Names>,
    ) -> Result<Self, NotAdmin> {
        let root = UserId::from_number(0);
        if !peer.user.is_some_and(|user| user == root || user == service) {
            return Err(NotAdmin);
        }
        let Self(mut origin) = Self::of_peer(peer, SocketName::admin(), policy, nss);
        if let Origin::Local(local) = &mut origin {
            local.admin = true;
        }
        Ok(Self(origin))
    }
}
