//! The TLS process of the key service (docs/spec/keyd.md, *Identity*, TLS): it knows clients by their certificates, and the key
//! process believes it (KEY-009). It has its own TLS key and no key of the store.
//!
//! ```text
//!  client ──TLS 1.3──► gate ──► client/ ──► introduction ──────────────────► key process
//!                      seats    Client:     ProxyHello, then 01 or 00        proxy/keyd.sock
//!                               hashes,
//!                               account     relay: bytes both ways, unseen
//! ```
//!
//! Nobody holds more than a seat at the gate before the key process has said yes: so many at once, so many of one address, so
//! long (KEY-015).
//!
//! ```no_run
//! use crannog_keyd_os::Linux;
//! use crannog_keyd_tls::{Options, TlsProcess};
//!
//! let options = Options::new(
//!     "127.0.0.1:8200".parse()?,
//!     "/etc/crannog-keyd/tls/cert.pem",
//!     "/etc/crannog-keyd/tls/key.pem",
//!     "/run/crannog-keyd/proxy/keyd.sock",
//! );
//! let (process, measures) = TlsProcess::open_confined(&Linux::new(), options)?;
//! assert!(measures.missing.is_empty());
//! // The first thread but this one starts here.
//! let runtime = tokio::runtime::Runtime::new()?;
//! runtime.block_on(process.serve(async { drop(tokio::signal::ctrl_c().await) }))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod certificate;
mod client;
mod complaints;
mod config;
mod error;
mod file;
mod gate;
mod introduction;
mod options;
mod process;
mod relay;
mod visit;

pub use self::certificate::ServerCertificate;
pub use self::error::{CertificateError, ServeError, StartError};
pub use self::file::FileError;
pub use self::options::{Limits, Options};
pub use self::process::TlsProcess;
