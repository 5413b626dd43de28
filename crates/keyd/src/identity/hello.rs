//! What the TLS process says of a client before it lets it speak.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const MAGIC: [u8; 8] = *b"CRKDPXY1";

/// The first bytes on a connection of the TLS process:
///
/// ```text
/// "CRKDPXY1" || SHA-256(leaf) (32) || SHA-256(SubjectPublicKeyInfo) (32) || has_account: u8 || account key (32) || address (16) || be16 port
/// ```
/// The address is IPv6, or IPv4 mapped into it. Without an account its key is zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyHello {
    /// SHA-256 of the client's certificate in DER.
    pub certificate: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo in DER.
    pub spki: [u8; 32],
    /// The key of the account certificate that certifies the client's.
    pub account: Option<[u8; 32]>,
    /// Where the client is.
    pub address: SocketAddr,
}

/// Bytes that are no hello. The connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HelloError {
    /// CHK-010: other first bytes, or of another version.
    #[error("CHK-010: not a hello of this version")]
    Version,
    /// CHK-029: a flag that is neither 0 nor 1, or a key where there is none.
    #[error("CHK-029: a malformed hello")]
    Malformed,
}

impl ProxyHello {
    /// Its length in bytes.
    pub const LEN: usize = 123;

    /// From the bytes on the connection. Each hello has one encoding.
    pub fn parse(bytes: &[u8; Self::LEN]) -> Result<Self, HelloError> {
        let mut rest = bytes.as_slice();
        if take::<8>(&mut rest)? != MAGIC {
            return Err(HelloError::Version);
        }
        let (certificate, spki) = (take(&mut rest)?, take(&mut rest)?);
        let [has_account] = take(&mut rest)?;
        let account = match (has_account, take::<32>(&mut rest)?) {
            (0, key) if key == [0; 32] => None,
            (1, key) => Some(key),
            _ => return Err(HelloError::Malformed),
        };
        let ip = IpAddr::V6(Ipv6Addr::from(take::<16>(&mut rest)?)).to_canonical();
        let port = u16::from_be_bytes(take(&mut rest)?);
        Ok(Self {
            certificate,
            spki,
            account,
            address: SocketAddr::new(ip, port),
        })
    }

    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let parts: [&[u8]; 7] = [
            &MAGIC,
            &self.certificate,
            &self.spki,
            &[u8::from(self.account.is_some())],
            &self.account.unwrap_or([0; 32]),
            &ip.octets(),
            &self.address.port().to_be_bytes(),
        ];
        parts.concat()
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], HelloError> {
    let (taken, left) = rest.split_first_chunk().ok_or(HelloError::Malformed)?;
    *rest = left;
    Ok(*taken)
}
