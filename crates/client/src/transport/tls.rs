//! TLS 1.3 with X25519MLKEM768 and nothing else, to the one server whose CA was pinned (CHK-020).

use std::fmt;
use std::sync::{Arc, OnceLock};

use crannog_proto::Fingerprint;
use crannog_proto::sign::VerifyingKey;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, PeerIncompatible,
    RootCertStore, SignatureScheme, version,
};

/// What precedes the 32 bytes of an Ed25519 key in the content of a SubjectPublicKeyInfo (RFC 8410, section 4).
const ED25519_SPKI: [u8; 10] = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The endpoint did not prove to be the pinned server. Carries the certificates that it showed.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct PinFailure {
    pub(super) reason: PinReason,
    pub(super) chain: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum PinReason {
    #[error("its chain does not hold the pinned CA")]
    NoPinnedCa,
    #[error("the pinned CA's key is not Ed25519")]
    CaKey,
    #[error("the pinned CA does not certify it: {0}")]
    Leaf(Error),
}

/// The server that was pinned, and, once it was met, its CA.
pub(super) struct Pin {
    fingerprint: Fingerprint,
    name: ServerName<'static>,
    ca: OnceLock<Ca>,
    provider: Arc<CryptoProvider>,
}

/// The pinned CA, as the server showed it.
pub(super) struct Ca {
    pub(super) der: Vec<u8>,
    pub(super) key: VerifyingKey,
}

impl Pin {
    pub(super) fn new(fingerprint: Fingerprint) -> Result<Arc<Self>, InvalidDnsNameError> {
        let name = ServerName::try_from(fingerprint.dns_name())?;
        Ok(Arc::new(Self {
            fingerprint,
            name,
            ca: OnceLock::new(),
            provider: Arc::new(provider()),
        }))
    }

    /// The CA. None before the first handshake; after it always the same, since its DER is pinned.
    pub(super) fn ca(&self) -> Option<&Ca> {
        self.ca.get()
    }

    pub(super) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The only name that the server's certificate may have.
    pub(super) fn name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    /// No resumption: each connection makes each check.
    pub(super) fn client_config(self: &Arc<Self>) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(self.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// CHK-020: the pinned CA is in the chain, and it, directly and alone, certifies the leaf for the pinned name.
    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Ca, PinReason> {
        let ca = others
            .iter()
            .find(|certificate| Fingerprint::of(certificate) == self.fingerprint)
            .ok_or(PinReason::NoPinnedCa)?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned()).map_err(PinReason::Leaf)?;
        let key = only_key(&roots).ok_or(PinReason::CaKey)?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|_| PinReason::NoPinnedCa)?
            .verify_server_cert(leaf, &[], &self.name, &[], now)
            .map_err(PinReason::Leaf)?;
        Ok(Ca {
            der: ca.to_vec(),
            key,
        })
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pin").field(&self.fingerprint).finish()
    }
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.check(leaf, others, now) {
            Ok(ca) => {
                self.ca.get_or_init(|| ca);
                Ok(ServerCertVerified::assertion())
            }
            Err(reason) => {
                let chain = std::iter::once(leaf)
                    .chain(others)
                    .flat_map(|der| der.iter().copied())
                    .collect();
                let failure = PinFailure { reason, chain };
                Err(CertificateError::Other(OtherError(Arc::new(failure))).into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The Ed25519 key of a CA's certificate.
pub(super) fn ca_key(der: &[u8]) -> Option<VerifyingKey> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(der)).ok()?;
    only_key(&roots)
}

fn only_key(roots: &RootCertStore) -> Option<VerifyingKey> {
    let anchor = roots.roots.first()?;
    let key = anchor.subject_public_key_info.strip_prefix(&ED25519_SPKI)?;
    Some(VerifyingKey(key.try_into().ok()?))
}

fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
        ..aws_lc_rs::default_provider()
    }
}
