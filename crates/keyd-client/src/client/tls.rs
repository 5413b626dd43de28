//! Mutual TLS 1.3 to the service's TLS process.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::sync::Arc;

use http::uri::Authority;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, version};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{Error, Misuse};

/// The port of the service where the address names none.
const PORT: u16 = 8200;

/// Why there is no TLS.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The client's certificate is not PEM, or not one.
    #[error("the client's certificate cannot be read")]
    Certificate,
    /// The client's private key is not PEM, or not that of the certificate.
    #[error("the client's private key cannot be read, or is of another certificate")]
    Key,
    /// There is no certificate by which the service is known.
    #[error("the certificate of the service cannot be read")]
    Authority,
    /// The handshake failed, or the service does not know the client's certificate.
    #[error("TLS refused: {0}")]
    Refused(rustls::Error),
}

/// Who the client is, and by what it knows the service.
pub struct TlsIdentity {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: RootCertStore,
}

impl TlsIdentity {
    /// From PEM: the client's certificate (and chain), its private key, and the certificate of the service or of who vouches for it.
    ///
    /// # Errors
    /// [`TlsError::Certificate`], [`TlsError::Key`], [`TlsError::Authority`].
    pub fn from_pem(certificate: &[u8], key: &[u8], authority: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(certificate).ok_or(TlsError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
        let mut roots = RootCertStore::empty();
        for authority in certificates(authority).ok_or(TlsError::Authority)? {
            roots.add(authority).map_err(|_| TlsError::Authority)?;
        }
        Ok(Self {
            certificates: chain,
            key,
            roots,
        })
    }
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .ok()?;
    (!certificates.is_empty()).then_some(certificates)
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity")
    }
}

pub(super) struct TlsDoor {
    authority: Authority,
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl TlsDoor {
    pub(super) fn new(address: &str, identity: TlsIdentity) -> Result<Self, Error> {
        let authority = address.strip_prefix("https://").unwrap_or(address);
        let authority: Authority = authority
            .trim_end_matches('/')
            .parse()
            .map_err(|_| Error::Misuse(Misuse::Address))?;
        let name = ServerName::try_from(bare(authority.host()).to_owned())
            .map_err(|_| Error::Misuse(Misuse::Address))?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13])
            .map_err(|error| Error::Tls(TlsError::Refused(error)))?
            .with_root_certificates(identity.roots)
            .with_client_auth_cert(identity.certificates, identity.key)
            .map_err(|_| Error::Tls(TlsError::Key))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            authority,
            name,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    pub(super) async fn open(&self) -> Result<TlsStream<TcpStream>, Error> {
        let port = self.authority.port_u16().unwrap_or(PORT);
        let stream = TcpStream::connect((bare(self.authority.host()), port))
            .await
            .map_err(|error| Error::Unreachable(error.kind()))?;
        stream
            .set_nodelay(true)
            .map_err(|error| Error::Unreachable(error.kind()))?;
        self.connector
            .connect(self.name.clone(), stream)
            .await
            .map_err(|error| refused_by(&error).unwrap_or(Error::Unreachable(error.kind())))
    }

    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// X25519MLKEM768, X25519, P-256: what the TLS process takes.
fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![
            aws_lc_rs::kx_group::X25519MLKEM768,
            aws_lc_rs::kx_group::X25519,
            aws_lc_rs::kx_group::SECP256R1,
        ],
        ..aws_lc_rs::default_provider()
    }
}

/// With TLS 1.3 a client learns only when it reads that its certificate was refused.
pub(super) fn refused(error: &hyper::Error) -> Option<Error> {
    refused_by(error.source()?.downcast_ref::<io::Error>()?)
}

fn refused_by(error: &io::Error) -> Option<Error> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(Error::Tls(TlsError::Refused(error.clone())))
}
