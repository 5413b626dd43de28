//! The server's keys: the operator has them all.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{Fingerprint, Hash, JournalId, Receipt, labels};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, PKCS_ED25519,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A server's secrets, from its data directory (or made up).
#[derive(Debug)]
pub struct ServerKeys {
    /// What clients pin.
    pub fingerprint: Fingerprint,
    ca_key: Vec<u8>,
    ca_der: Vec<u8>,
    receipt: Ed25519KeyPair,
}

impl ServerKeys {
    /// Those of a real server.
    pub fn of(data: &Path) -> Self {
        let read = |name: &str| fs::read(data.join(name)).unwrap();
        let ca_der = read("ca.der");
        Self {
            fingerprint: Fingerprint::of(&ca_der),
            ca_key: read("ca.key"),
            ca_der,
            receipt: Ed25519KeyPair::from_pkcs8(&read("receipt.key")).unwrap(),
        }
    }

    /// Those of another server, which claims to be the one with this fingerprint.
    pub fn impostor(fingerprint: Fingerprint) -> Self {
        let ca = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let receipt = KeyPair::generate_for(&PKCS_ED25519).unwrap().serialize_der();
        Self {
            fingerprint,
            ca_der: ca_params().self_signed(&ca).unwrap().der().to_vec(),
            ca_key: ca.serialize_der(),
            receipt: Ed25519KeyPair::from_pkcs8(&receipt).unwrap(),
        }
    }

    /// The right CA's certificate beside a key that it does not have.
    pub fn with_foreign_key(self) -> Self {
        Self {
            ca_key: KeyPair::generate_for(&PKCS_ED25519).unwrap().serialize_der(),
            ..self
        }
    }

    /// Verifies its receipts.
    pub fn receipt_key(&self) -> VerifyingKey {
        VerifyingKey(self.receipt.public_key().as_ref().try_into().unwrap())
    }

    /// A receipt for whatever one likes.
    pub fn receipt(&self, journal: JournalId, seq: u64, head: Hash) -> Receipt {
        let statement = Receipt::statement(&journal, seq, &head);
        Receipt {
            journal,
            seq,
            head,
            signature: sign(&self.receipt, labels::RECEIPT, &statement),
        }
    }

    /// The CA's word for a receipt key.
    pub fn certify_receipt_key(&self, key: &VerifyingKey) -> Signature {
        let ca = Ed25519KeyPair::from_pkcs8(&self.ca_key).unwrap();
        sign(&ca, labels::RECEIPT_KEY, &key.0)
    }

    /// TLS as the server has it, with a leaf of one's own.
    pub fn tls(&self) -> rustls::ServerConfig {
        self.tls_named(&self.fingerprint.dns_name())
    }

    /// The same for another name.
    pub fn tls_named(&self, name: &str) -> rustls::ServerConfig {
        let issuer = Issuer::new(ca_params(), KeyPair::try_from(self.ca_key.as_slice()).unwrap());
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = params.signed_by(&key, &issuer).unwrap();
        let chain = vec![leaf.der().clone(), CertificateDer::from(self.ca_der.clone())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = rustls::ServerConfig::builder_with_provider(crypto())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}

/// X25519MLKEM768 and nothing else.
pub(super) fn crypto() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups: vec![provider::kx_group::X25519MLKEM768],
        ..provider::default_provider()
    })
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Crannog server CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn sign(key: &Ed25519KeyPair, label: &'static str, data: &[u8]) -> Signature {
    Signature(key.sign(&message(label, data)).as_ref().try_into().unwrap())
}
