//! The TLS process, the one that may say who its clients are (KEY-009).

use crannog_keyd_os::{Peer, UserId};

use super::facts::{Facts, Origin, Remote};
use super::hello::ProxyHello;

/// A peer of the proxy socket that is the TLS process.
#[derive(Debug, Clone, Copy)]
pub struct Proxy(());

/// KEY-009: somebody else spoke on the proxy socket. It is closed unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("KEY-009: only the TLS process asserts certificates")]
pub struct NotTheProxy;

impl Proxy {
    /// The peer, if its user is `tls`, that of the TLS process. Root is not.
    pub fn of_peer(peer: &Peer, tls: UserId) -> Result<Self, NotTheProxy> {
        if peer.user == Some(tls) {
            Ok(Self(()))
        } else {
            Err(NotTheProxy)
        }
    }

    /// What it says of a client: never a user or a group. Nothing is served before
    /// [`Policy::names_certificate`](crate::policy::Policy::names_certificate) says yes.
    pub fn facts(self, hello: &ProxyHello) -> Facts {
        Facts(Origin::Remote(Remote {
            certificate: hello.certificate,
            spki: hello.spki,
            account: hello.account,
            address: hello.address,
        }))
    }
}
