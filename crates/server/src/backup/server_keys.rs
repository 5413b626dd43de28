//! The server's own keys, as a backup holds them: read, never made, here.

use std::fmt;
use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::Fingerprint;
use crannog_proto::sign::{Signature, VerifyingKey, message};
use rustls::pki_types::CertificateDer;

use super::BackupError;
use crate::datadir::Secrets;

/// How the subject public key info of an Ed25519 key begins (RFC 8410), inside its sequence.
const ED25519_SPKI: [u8; 10] = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// `ca.key`, `ca.der` and `receipt.key`.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(super) struct ServerKeys {
    ca_key: Vec<u8>,
    ca_der: Vec<u8>,
    receipt_key: Vec<u8>,
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKeys")
    }
}

impl ServerKeys {
    /// Reads them from a data directory.
    pub(super) fn load(data: &Path, secrets: &dyn Secrets) -> Result<Self, BackupError> {
        let load = |name: &'static str| {
            let found = secrets.load(name).map_err(BackupError::io(&data.join(name)))?;
            found.ok_or_else(|| BackupError::NotData(data.to_owned()))
        };
        Ok(Self {
            ca_key: load("ca.key")?,
            ca_der: load("ca.der")?,
            receipt_key: load("receipt.key")?,
        })
    }

    /// Keeps them in a data directory, durably.
    pub(super) fn keep(&self, data: &Path, secrets: &dyn Secrets) -> Result<(), BackupError> {
        let files = [
            ("ca.der", &self.ca_der),
            ("ca.key", &self.ca_key),
            ("receipt.key", &self.receipt_key),
        ];
        for (name, bytes) in files {
            secrets
                .keep(name, bytes)
                .map_err(BackupError::io(&data.join(name)))?;
        }
        Ok(())
    }

    pub(super) fn certificate(&self) -> &[u8] {
        &self.ca_der
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.ca_der)
    }

    /// Signs with the CA's key.
    pub(super) fn sign(&self, label: &'static str, data: &[u8]) -> Result<Signature, BackupError> {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair()?.sign(&message(label, data)).as_ref());
        Ok(Signature(signature))
    }

    /// That key and certificate belong together.
    pub(super) fn match_each_other(&self) -> bool {
        self.pair()
            .is_ok_and(|pair| public_key(&self.ca_der).is_some_and(|key| key.0 == pair.public_key().as_ref()))
    }

    fn pair(&self) -> Result<Ed25519KeyPair, BackupError> {
        Ed25519KeyPair::from_pkcs8(&self.ca_key).map_err(|_| BackupError::Seal)
    }
}

/// The key in a CA's certificate.
pub(super) fn public_key(certificate: &[u8]) -> Option<VerifyingKey> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(certificate.to_vec())).ok()?;
    let anchor = roots.roots.first()?;
    let key = anchor.subject_public_key_info.strip_prefix(&ED25519_SPKI)?;
    key.try_into().ok().map(VerifyingKey)
}
