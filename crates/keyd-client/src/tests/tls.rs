//! Mutual TLS against a server that asks for a certificate.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, version};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::service::{enveloped, http, json};
use crate::{Client, Error, Misuse, TlsError, TlsIdentity};

struct Party {
    key: KeyPair,
    certificate: rcgen::Certificate,
}

impl Party {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { key, certificate }
    }

    fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    fn identity(&self, service: &Self) -> TlsIdentity {
        TlsIdentity::from_pem(
            self.certificate.pem().as_bytes(),
            self.key.serialize_pem().as_bytes(),
            service.certificate.pem().as_bytes(),
        )
        .unwrap()
    }
}

/// The port of a service that lets `client` in.
async fn serve(service: &Party, client: &Party) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(client.der()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(service.key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![service.der()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                let answer = |_: &_, _: &[u8]| json(200, enveloped(r#"{"random_bytes":"AQI="}"#));
                tokio::spawn(http(stream, answer));
            }
        }
    });
    port
}

#[tokio::test]
async fn the_service_and_the_client_know_each_other() {
    let (service, client) = (Party::new(), Party::new());
    let port = serve(&service, &client).await;
    let address = format!("https://localhost:{port}/");
    let honest = Client::tls(&address, client.identity(&service)).unwrap();
    assert_eq!(honest.random(2).await.unwrap().as_slice(), [1, 2]);

    let stranger = Party::new();
    let refused = Client::tls(&address, stranger.identity(&service)).unwrap();
    let error = refused.random(2).await.unwrap_err();
    // The alert and the end of the connection come together; either may be seen first.
    assert!(
        matches!(error, Error::Tls(TlsError::Refused(_)) | Error::Broken),
        "{error:?}"
    );

    let misled = Client::tls(&address, client.identity(&stranger)).unwrap();
    let error = misled.random(2).await.unwrap_err();
    assert!(matches!(error, Error::Tls(TlsError::Refused(_))), "{error:?}");
}

#[test]
fn what_is_no_identity_and_no_address() {
    let (one, other) = (Party::new(), Party::new());
    let (certificate, key) = (one.certificate.pem(), one.key.serialize_pem());
    let read = |certificate: &str, key: &str, authority: &str| {
        TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes(), authority.as_bytes()).unwrap_err()
    };
    assert_eq!(read("", &key, &certificate), TlsError::Certificate);
    assert_eq!(read(&certificate, "x", &certificate), TlsError::Key);
    assert_eq!(read(&certificate, &key, ""), TlsError::Authority);
    let mixed = TlsIdentity::from_pem(
        certificate.as_bytes(),
        other.key.serialize_pem().as_bytes(),
        certificate.as_bytes(),
    );
    let error = Client::tls("localhost", mixed.unwrap()).unwrap_err();
    assert!(matches!(error, Error::Tls(TlsError::Key)), "{error:?}");
    for address in ["", "https://", "http://a:1", "a b", "https://user@/"] {
        let error = Client::tls(address, one.identity(&other)).unwrap_err();
        assert!(
            matches!(error, Error::Misuse(Misuse::Address)),
            "{address}: {error:?}"
        );
    }
}
