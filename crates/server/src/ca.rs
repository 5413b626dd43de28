//! Who the server is: its CA, the TLS leaf below it, and the key of its receipts.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{Fingerprint, Hash, JournalId, Receipt, labels};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ED25519,
};
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::datadir::Secrets;

/// Days that a leaf is valid, and the days before its end when it is renewed.
const LEAF_DAYS: i64 = 90;
const RENEW_DAYS: i64 = 30;
/// Years that the CA is valid; clients pin it, nobody else relies on it.
const CA_YEARS: i16 = 100;

/// Why the server has no identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaError {
    /// A secret cannot be read or kept.
    #[error("the server's keys cannot be read or kept: {0}")]
    Io(#[from] std::io::Error),
    /// A certificate cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A stored key is damaged.
    #[error("the stored key {0} is damaged")]
    Key(&'static str),
    /// TLS refuses the leaf.
    #[error("TLS refuses the certificate: {0}")]
    Tls(#[from] rustls::Error),
}

/// The server's keys.
pub(crate) struct Identity {
    ca_key: Vec<u8>,
    ca_der: CertificateDer<'static>,
    fingerprint: Fingerprint,
    receipt: Ed25519KeyPair,
    receipt_key_signature: Signature,
    login_key: [u8; 32],
    leaf: RwLock<Leaf>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
struct Leaf {
    key: Arc<CertifiedKey>,
    renew_at: i64,
}

impl Identity {
    /// Loads the keys; makes them at the first start.
    pub(crate) fn open(secrets: &dyn Secrets, now_ms: i64) -> Result<Self, CaError> {
        let ca_key = match secrets.load("ca.key")? {
            Some(key) => key,
            None => {
                let key = KeyPair::generate_for(&PKCS_ED25519)?;
                let der = ca_params(now_ms)?.self_signed(&key)?;
                // The certificate first: a key without it would give the server a second face.
                secrets.keep("ca.der", der.der())?;
                secrets.keep("ca.key", &key.serialize_der())?;
                key.serialize_der()
            }
        };
        let receipt_pkcs8 = match secrets.load("receipt.key")? {
            Some(key) => key,
            None => {
                let key = KeyPair::generate_for(&PKCS_ED25519)?.serialize_der();
                secrets.keep("receipt.key", &key)?;
                key
            }
        };
        let ca_der = CertificateDer::from(secrets.load("ca.der")?.ok_or(CaError::Key("ca.der"))?);
        let receipt = Ed25519KeyPair::from_pkcs8(&receipt_pkcs8).map_err(|_| CaError::Key("receipt.key"))?;
        let signer = Ed25519KeyPair::from_pkcs8(&ca_key).map_err(|_| CaError::Key("ca.key"))?;
        let receipt_key_signature = sign(&signer, labels::RECEIPT_KEY, receipt.public_key().as_ref());
        let fingerprint = Fingerprint::of(&ca_der);
        let login_key = blake3::derive_key("crannogd 2026 login challenges", &receipt_pkcs8);
        let leaf = RwLock::new(make_leaf(&ca_key, &ca_der, &fingerprint, now_ms)?);
        Ok(Self {
            ca_key,
            ca_der,
            fingerprint,
            receipt,
            receipt_key_signature,
            login_key,
            leaf,
        })
    }

    /// Of the CA.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Verifies receipts.
    pub(crate) fn receipt_key(&self) -> VerifyingKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.receipt.public_key().as_ref());
        VerifyingKey(key)
    }

    /// The CA's word for it.
    pub(crate) fn receipt_key_signature(&self) -> Signature {
        self.receipt_key_signature
    }

    /// Marks login challenges as our own.
    pub(crate) fn login_key(&self) -> &[u8; 32] {
        &self.login_key
    }

    /// Promises a place.
    pub(crate) fn receipt(&self, journal: JournalId, seq: u64, head: Hash) -> Receipt {
        let signature = sign(
            &self.receipt,
            labels::RECEIPT,
            &Receipt::statement(&journal, seq, &head),
        );
        Receipt {
            journal,
            seq,
            head,
            signature,
        }
    }

    /// Makes a new leaf when the old one is near its end.
    pub(crate) fn renew(&self, now_ms: i64) -> Result<bool, CaError> {
        if self.leaf.read().unwrap_or_else(PoisonError::into_inner).renew_at > now_ms {
            return Ok(false);
        }
        let leaf = make_leaf(&self.ca_key, &self.ca_der, &self.fingerprint, now_ms)?;
        *self.leaf.write().unwrap_or_else(PoisonError::into_inner) = leaf;
        Ok(true)
    }

    /// TLS 1.3 with X25519MLKEM768 and nothing else.
    pub(crate) fn tls(self: &Arc<Self>) -> Result<rustls::ServerConfig, CaError> {
        let crypto = rustls::crypto::CryptoProvider {
            kx_groups: vec![provider::kx_group::X25519MLKEM768],
            ..provider::default_provider()
        };
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(crypto))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Resolver(Arc::clone(self))));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.send_half_rtt_data = false;
        Ok(config)
    }
}

#[derive(Debug)]
struct Resolver(Arc<Identity>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(
            &self.0.leaf.read().unwrap_or_else(PoisonError::into_inner).key,
        ))
    }
}

fn sign(key: &Ed25519KeyPair, label: &'static str, data: &[u8]) -> Signature {
    let mut signature = [0; 64];
    signature.copy_from_slice(key.sign(&message(label, data)).as_ref());
    Signature(signature)
}

fn ca_params(now_ms: i64) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Crannog server CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let (year, month, day) = date(now_ms, -1)?;
    params.not_before = rcgen::date_time_ymd(year, month, day);
    params.not_after = rcgen::date_time_ymd(year + i32::from(CA_YEARS), month, day.min(28));
    Ok(params)
}

fn make_leaf(
    ca_key: &[u8],
    ca_der: &CertificateDer<'static>,
    fingerprint: &Fingerprint,
    now_ms: i64,
) -> Result<Leaf, CaError> {
    let key = KeyPair::generate_for(&PKCS_ED25519)?;
    let ca = KeyPair::try_from(ca_key)?;
    let issuer = Issuer::new(ca_params(now_ms)?, ca);
    let mut params = CertificateParams::new(vec![fingerprint.dns_name()])?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, fingerprint.dns_name());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let (year, month, day) = date(now_ms, -1)?;
    params.not_before = rcgen::date_time_ymd(year, month, day);
    let (year, month, day) = date(now_ms, LEAF_DAYS)?;
    params.not_after = rcgen::date_time_ymd(year, month, day);
    let leaf = params.signed_by(&key, &issuer)?;
    // Its key lives in memory alone: every start makes a new leaf.
    let pkcs8 = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signing = provider::sign::any_supported_type(&pkcs8)?;
    let chain = vec![leaf.der().clone(), ca_der.clone()];
    let renew_at = now_ms.saturating_add((LEAF_DAYS - RENEW_DAYS).saturating_mul(86_400_000));
    Ok(Leaf {
        key: Arc::new(CertifiedKey::new(chain, signing)),
        renew_at,
    })
}

fn date(now_ms: i64, days: i64) -> Result<(i32, u8, u8), CaError> {
    let at = now_ms.saturating_add(days.saturating_mul(86_400_000));
    let zoned = jiff::Timestamp::from_millisecond(at)
        .map_err(|_| CaError::Key("the clock"))?
        .to_zoned(jiff::tz::TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).unwrap_or(1);
    Ok((i32::from(zoned.year()), part(zoned.month()), part(zoned.day())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datadir::DataDir;

    #[test]
    fn keys_last_and_the_leaf_is_renewed() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let now = 1_800_000_000_000;
        let first = Identity::open(&data, now).unwrap();
        let again = Identity::open(&data, now + 1).unwrap();
        assert_eq!(first.fingerprint(), again.fingerprint());
        assert_eq!(first.receipt_key(), again.receipt_key());
        let leaf = Arc::clone(&again.leaf.read().unwrap().key);
        assert!(!again.renew(now + 2).unwrap());
        assert!(again.renew(now + 61 * 86_400_000).unwrap());
        assert_ne!(leaf.cert[0], again.leaf.read().unwrap().key.cert[0]);
        assert_eq!(leaf.cert[1], again.leaf.read().unwrap().key.cert[1]);
        assert!(DataDir::open(folder.path()).is_err(), "the lock holds");
    }
}
