//! Why the TLS process does not start, does not take a certificate, or ends.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crannog_keyd_os::HardenError;

use crate::file::FileError;

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The process cannot be shut in.
    #[error(transparent)]
    Harden(#[from] HardenError),
    /// Its certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// TLS as the specification has it is not to be had from the library.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The address: taken, not of this machine, or not for this user.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// How many files may be open is not known.
    #[error("the limit of open files: {0}")]
    OpenFiles(io::Error),
}

/// Why a certificate is not used. Where there was one before, it stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// One of the two files.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no certificate in PEM.
    #[error("{0} does not hold a certificate in PEM")]
    NotACertificate(PathBuf),
    /// It is no private key in PEM, or of a kind that TLS 1.3 does not sign with.
    #[error("{0} does not hold a private key in PEM for ECDSA, Ed25519 or RSA")]
    NotAKey(PathBuf),
    /// Each is whole, and they do not belong together.
    #[error("{key} is not the private key of the certificate in {cert}")]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's.
        key: PathBuf,
    },
}

/// Why it does not go on serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The runtime does not take the listening socket.
    #[error("the listening socket: {0}")]
    Listener(io::Error),
}
