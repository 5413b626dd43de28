//! Who a client is, by its certificate alone.
//!
//! ```text
//!  chain ── leaf.rs: decodes, of today, no authority ──► hashes ─┐
//!        └─ account.rs: the second one certifies it ───► key ────┴─► Client
//! ```

mod account;
mod fault;
mod leaf;
#[cfg(test)]
mod tests;
mod verifier;

use std::net::SocketAddr;

use aws_lc_rs::digest::{SHA256, digest};
use crannog_keyd::identity::ProxyHello;
use rustls::pki_types::{CertificateDer, UnixTime};

pub(crate) use self::fault::{Fault, fault_of};
pub(crate) use self::verifier::ClientVerifier;

/// What a certificate says of a client that has shown to hold its private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    /// SHA-256 of the certificate.
    pub(crate) certificate: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub(crate) spki: [u8; 32],
    /// The key of the account that certifies it.
    pub(crate) account: Option<[u8; 32]>,
}

impl Client {
    /// From the certificates in the order in which they were sent. The first one is the client's; of the others only the second
    /// is looked at, and one that is no account's of this client is as none.
    pub(crate) fn read(chain: &[CertificateDer<'_>], now: UnixTime) -> Result<Self, Fault> {
        let (first, others) = chain.split_first().ok_or(Fault::Malformed)?;
        let leaf = leaf::read(first, now)?;
        Ok(Self {
            certificate: sha256(first),
            spki: sha256(leaf.tbs_certificate.subject_pki.raw),
            account: others
                .first()
                .and_then(|account| account::certifying(&leaf, account)),
        })
    }

    /// How it is introduced to the key process.
    pub(crate) fn hello(&self, address: SocketAddr) -> ProxyHello {
        ProxyHello {
            certificate: self.certificate,
            spki: self.spki,
            account: self.account,
            address,
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
