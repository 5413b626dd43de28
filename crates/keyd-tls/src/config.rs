//! TLS as docs/spec/keyd.md has it.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::NoServerSessionStorage;
use rustls::{Error, ServerConfig, version};

use crate::certificate::ServerCertificate;
use crate::client::ClientVerifier;

/// TLS 1.3 alone, a client certificate always. Nothing is resumed: each connection proves anew who it is.
pub(crate) fn server_config(certificate: Arc<ServerCertificate>) -> Result<ServerConfig, Error> {
    let provider = Arc::new(provider());
    let verifier = ClientVerifier::new(provider.signature_verification_algorithms);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

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
