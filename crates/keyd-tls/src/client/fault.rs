//! What is wrong with a client's certificate.

use std::io;
use std::sync::Arc;

use rustls::{CertificateError, Error, OtherError};

/// A certificate by which nobody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("CHK-029: the client's certificate does not decode")]
    Malformed,
    #[error(
        "KEY-009: the client's certificate is an authority's; it needs one with basicConstraints CA:FALSE"
    )]
    Authority,
    #[error("KEY-009: the client's certificate is for other uses: no digitalSignature in its keyUsage")]
    KeyUsage,
    #[error("KEY-009: the client's certificate is for other uses: no clientAuth in its extendedKeyUsage")]
    ExtendedKeyUsage,
    #[error("KEY-009: the client's certificate is not valid yet")]
    NotYetValid,
    #[error("KEY-009: the client's certificate has expired")]
    Expired,
}

/// The alert that the client sees says as much as one can say.
impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => CertificateError::BadEncoding,
            Fault::NotYetValid => CertificateError::NotValidYet,
            Fault::Expired => CertificateError::Expired,
            Fault::Authority | Fault::KeyUsage | Fault::ExtendedKeyUsage => {
                CertificateError::Other(OtherError(Arc::new(fault)))
            }
        }
        .into()
    }
}

/// The fault for which a handshake failed, if it was one.
pub(crate) fn fault_of(error: &io::Error) -> Option<Fault> {
    let Error::InvalidCertificate(error) = error.get_ref()?.downcast_ref()? else {
        return None;
    };
    match error {
        CertificateError::BadEncoding => Some(Fault::Malformed),
        CertificateError::NotValidYet => Some(Fault::NotYetValid),
        CertificateError::Expired => Some(Fault::Expired),
        CertificateError::Other(OtherError(other)) => other.downcast_ref().copied(),
        _ => None,
    }
}
