//! Who speaks (docs/spec/keyd.md, *Identity*), fixed when a connection is accepted. Nothing else makes [`Facts`].
//!
//! ```text
//!  Peer of a socket ── Facts::of_peer, of_admin ─────────────► Facts: user, groups, socket
//!  Peer of the proxy socket ── Proxy::of_peer ── ProxyHello ─► Facts: certificate, account
//! ```

mod facts;
mod hello;
mod local;
mod proxy;
mod socket;
mod supposed;
#[cfg(test)]
mod tests;

pub use self::facts::Facts;
pub use self::hello::{HelloError, ProxyHello};
pub use self::local::NotAdmin;
pub use self::proxy::{NotTheProxy, Proxy};
pub use self::socket::SocketName;
pub use self::supposed::SupposedError;
