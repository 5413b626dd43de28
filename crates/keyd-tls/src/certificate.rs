//! The certificate by which clients know this service.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use crate::error::CertificateError;
use crate::file;

/// Certificate and key, as their files were when they were last read.
pub struct ServerCertificate {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ServerCertificate {
    /// Reads both files and holds them against each other. A certificate that is not valid today is used, and the log says so:
    /// clocks are wrong too. Blocks.
    ///
    /// # Errors
    /// [`CertificateError`]: what is wrong with which file; KEY-004 if others can read the key.
    pub fn load(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, CertificateError> {
        let (cert, key) = (cert.into(), key.into());
        let current = RwLock::new(Arc::new(read(&cert, &key)?));
        Ok(Self { cert, key, current })
    }

    /// Reads both files again. Handshakes that begin from now on use what was read; connections go on as they are. Blocks.
    ///
    /// # Errors
    /// As [`load`](Self::load). Nothing changes then.
    pub fn reload(&self) -> Result<(), CertificateError> {
        let fresh = Arc::new(read(&self.cert, &self.key)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerCertificate").field(&self.cert).finish()
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

fn read(cert: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let chain = chain(cert)?;
    let text = file::read_private(key)?;
    let not_a_key = || CertificateError::NotAKey(key.to_owned());
    let der = Zeroizing::new(PrivateKeyDer::from_pem_slice(&text).map_err(|_| not_a_key())?);
    let signing = any_supported_type(&der).map_err(|_| not_a_key())?;
    let certified = CertifiedKey::new(chain, signing);
    certified.keys_match().map_err(|_| CertificateError::Mismatch {
        cert: cert.to_owned(),
        key: key.to_owned(),
    })?;
    Ok(certified)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = file::read(path)?;
    let broken = || CertificateError::NotACertificate(path.to_owned());
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|_| broken())?;
    let first = chain.first().ok_or_else(broken)?;
    let (_, leaf) = X509Certificate::from_der(first).map_err(|_| broken())?;
    let (validity, now) = (leaf.validity(), now());
    if now < validity.not_before.timestamp() || now > validity.not_after.timestamp() {
        tracing::warn!(
            cert = %path.display(),
            not_before = %validity.not_before,
            not_after = %validity.not_after,
            "this service's certificate is not valid today; clients will refuse it"
        );
    }
    Ok(chain)
}

/// Seconds since 1970.
fn now() -> i64 {
    i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX)
}
