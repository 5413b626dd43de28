//! Where a server is, and which one it is: `crannog://host:port#FINGERPRINT`.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use data_encoding::HEXLOWER;

/// SHA-256 of the DER of the server's CA certificate.
#[derive(Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of this certificate.
    pub fn of(der: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// The DNS name in the server's certificate: sixteen hex digits and `.invalid`.
    pub fn dns_name(&self) -> String {
        let mut name = self.to_string();
        name.truncate(16);
        name.push_str(".invalid");
        name
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An address and the fingerprint that the endpoint must show (CHK-020).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// `host:port`; IPv6 addresses in brackets.
    pub address: String,
    /// Of the CA.
    pub fingerprint: Fingerprint,
}

/// Not a server address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a server address: crannog://host:port#fingerprint is needed, as `crannogd invite create` prints it"
)]
pub struct ParseServerUrlError;

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crannog://{}#{}", self.address, self.fingerprint)
    }
}

impl FromStr for ServerUrl {
    type Err = ParseServerUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text
            .trim()
            .strip_prefix("crannog://")
            .ok_or(ParseServerUrlError)?;
        let (address, fingerprint) = rest.split_once('#').ok_or(ParseServerUrlError)?;
        let (host, port) = address.rsplit_once(':').ok_or(ParseServerUrlError)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:%".contains(c);
        if host.is_empty() || !host.chars().all(plain) || port.parse::<u16>().is_err() {
            return Err(ParseServerUrlError);
        }
        let bytes = HEXLOWER
            .decode(fingerprint.as_bytes())
            .map_err(|_| ParseServerUrlError)?;
        let fingerprint = Fingerprint(bytes.try_into().map_err(|_| ParseServerUrlError)?);
        Ok(Self {
            address: address.to_owned(),
            fingerprint,
        })
    }
}
