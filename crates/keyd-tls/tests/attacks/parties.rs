//! Who has which certificate.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SignatureAlgorithm,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

/// Certificates and a key, not necessarily of the first one.
pub(crate) struct Party {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: KeyPair,
}

impl Party {
    /// With a certificate that it signed itself.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same, its certificate changed before it was signed.
    pub(crate) fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self {
            chain: vec![certificate],
            key,
        }
    }

    pub(crate) fn sha256(&self) -> [u8; 32] {
        sha256(&self.chain[0])
    }

    pub(crate) fn spki_sha256(&self) -> [u8; 32] {
        sha256(&self.key.subject_public_key_info())
    }

    /// What a client shows and signs with, fitting or not.
    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let signing = any_supported_type(&key).unwrap();
        Arc::new(CertifiedKey::new(self.chain.clone(), signing))
    }

    pub(crate) fn cert_pem(&self) -> String {
        pem(&self.chain[0])
    }
}

/// An account that certifies its devices.
pub(crate) struct Account {
    pub(crate) certificate: CertificateDer<'static>,
    params: CertificateParams,
    issuer: Issuer<'static, KeyPair>,
}

impl Account {
    pub(crate) fn new(name: &str, algorithm: &'static SignatureAlgorithm) -> Self {
        Self::with(KeyPair::generate_for(algorithm).unwrap(), |params| {
            *params = CertificateParams::new([name.to_owned()]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        })
    }

    pub(crate) fn with(key: KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        change(&mut params);
        Self {
            certificate: params.self_signed(&key).unwrap().der().clone(),
            params: params.clone(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn key(&self) -> [u8; 32] {
        self.issuer.key().public_key_raw().try_into().unwrap()
    }

    /// The certificate of `other`, signed by this one and changed before.
    pub(crate) fn certify(
        &self,
        other: &Self,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let mut params = other.params.clone();
        change(&mut params);
        let key = other.issuer.key();
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }

    /// A device with these DNS names, which shows the account's certificate too.
    pub(crate) fn device(&self, names: &[&str]) -> Party {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Party {
            chain: vec![leaf, self.certificate.clone()],
            key,
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

fn pem(der: &CertificateDer<'_>) -> String {
    let text = data_encoding::BASE64.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
