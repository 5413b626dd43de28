//! A certificate authority, and servers that it certifies.

use std::sync::Arc;

use crannog_proto::api::ServerInfo;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{Fingerprint, labels};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ED25519, SigningKey};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::world::Key;

/// A certificate authority and the certificates below it.
pub(super) struct Ca {
    pub(super) der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    pub(super) fn new() -> Self {
        Self::with_key(KeyPair::generate_for(&PKCS_ED25519).unwrap())
    }

    pub(super) fn with_key(key: KeyPair) -> Self {
        let params = ca_params();
        let der = params.self_signed(&key).unwrap().der().clone();
        Self {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    /// A CA below this one.
    pub(super) fn below(&self) -> Self {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let params = ca_params();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }

    pub(super) fn sign(&self, label: &'static str, data: &[u8]) -> Signature {
        Signature(
            self.issuer
                .key()
                .sign(&message(label, data))
                .unwrap()
                .try_into()
                .unwrap(),
        )
    }

    /// A leaf for this name, valid until the end of the year.
    pub(super) fn leaf(&self, name: &str, last_year: i32) -> Leaf {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(last_year, 12, 31);
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Leaf {
            der,
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        }
    }

    pub(super) fn honest_leaf(&self) -> Leaf {
        self.leaf(&self.fingerprint().dns_name(), 2090)
    }

    /// As an honest server is set up.
    pub(super) fn config(&self) -> ServerConfig {
        self.honest_leaf()
            .config(&[&self.der], provider::default_provider())
    }

    /// What an honest server says about itself.
    pub(super) fn server_info(&self) -> ServerInfo {
        let receipt_key = Key::new(1).public();
        ServerInfo {
            ca_fingerprint: self.fingerprint(),
            receipt_key,
            receipt_key_signature: self.sign(labels::RECEIPT_KEY, &receipt_key.0),
            time: 7,
            version: "1.0".to_owned(),
        }
    }
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A certificate with its key.
pub(super) struct Leaf {
    pub(super) der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Leaf {
    pub(super) fn config(
        &self,
        others: &[&CertificateDer<'static>],
        provider: CryptoProvider,
    ) -> ServerConfig {
        let chain = std::iter::once(&self.der)
            .chain(others.iter().copied())
            .cloned()
            .collect();
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, self.key.clone_key())
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}
