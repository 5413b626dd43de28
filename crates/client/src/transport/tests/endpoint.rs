//! CHK-020: who is at the other end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crannog_core::check::Check;
use crannog_proto::api::ServerInfo;
use crannog_proto::{Fingerprint, ServerUrl, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::{HandshakeKind, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::ca::Ca;
use super::world::{Key, Server, assert_lie, http, ok, transport};
use crate::transport::{Dial, Dialing, Line, Obstacle, Transport, TransportError, VerifiedServer};

/// Meets a server that has this TLS and says this.
async fn meet(
    pinned: Fingerprint,
    config: ServerConfig,
    info: ServerInfo,
) -> Result<VerifiedServer, TransportError> {
    let server = Server::raw(config, move |_, stream| {
        let info = encode(&info);
        async move { http(stream, |_, _| ok(info.clone())).await }
    });
    transport(pinned, &server).server_info().await
}

#[tokio::test]
async fn chk_020_the_pinned_server_is_believed() {
    let ca = Ca::new();
    let server = meet(ca.fingerprint(), ca.config(), ca.server_info())
        .await
        .unwrap();
    assert_eq!(server.receipt_key, Key::new(1).public());
    assert_eq!((server.time, server.version.as_str()), (7, "1.0"));
}

#[tokio::test]
async fn chk_020_another_ca_is_refused_and_its_chain_kept() {
    let (ca, liar) = (Ca::new(), Ca::new());
    let leaf = liar.leaf(&ca.fingerprint().dns_name(), 2090);
    let config = leaf.config(&[&liar.der], provider::default_provider());
    let error = meet(ca.fingerprint(), config, ca.server_info())
        .await
        .unwrap_err();
    let TransportError::Misbehaved { evidence, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(evidence.0, [leaf.der.as_ref(), liar.der.as_ref()].concat());
    assert_lie(Err::<(), _>(error), Check::Server);
}

#[tokio::test]
async fn chk_020_the_pinned_ca_beside_a_foreign_leaf_is_refused() {
    let (ca, liar) = (Ca::new(), Ca::new());
    let leaf = liar.leaf(&ca.fingerprint().dns_name(), 2090);
    let config = leaf.config(&[&liar.der, &ca.der], provider::default_provider());
    assert_lie(
        meet(ca.fingerprint(), config, ca.server_info()).await,
        Check::Server,
    );
}

#[tokio::test]
async fn chk_020_wrong_name_expired_hidden_ca_and_detour_are_refused() {
    let ca = Ca::new();
    let name = ca.fingerprint().dns_name();
    let between = ca.below();
    let provider = provider::default_provider;
    for (what, config) in [
        (
            "name",
            ca.leaf("0000000000000000.invalid", 2090)
                .config(&[&ca.der], provider()),
        ),
        ("expired", ca.leaf(&name, 2001).config(&[&ca.der], provider())),
        ("hidden CA", ca.honest_leaf().config(&[], provider())),
        (
            "detour",
            between
                .leaf(&name, 2090)
                .config(&[&between.der, &ca.der], provider()),
        ),
    ] {
        let result = meet(ca.fingerprint(), config, ca.server_info()).await;
        assert!(result.is_err(), "{what}");
        assert_lie(result, Check::Server);
    }
}

#[tokio::test]
async fn chk_020_a_ca_that_cannot_sign_receipt_keys_is_refused() {
    let ca = Ca::with_key(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap());
    let info = Ca::new().server_info();
    assert_lie(meet(ca.fingerprint(), ca.config(), info).await, Check::Server);
}

#[tokio::test]
async fn chk_020_a_receipt_key_must_stand_under_the_ca() {
    let (ca, liar) = (Ca::new(), Ca::new());
    let foreign = ServerInfo {
        ca_fingerprint: ca.fingerprint(),
        ..liar.server_info()
    };
    assert_lie(meet(ca.fingerprint(), ca.config(), foreign).await, Check::Server);
    let swapped = ServerInfo {
        receipt_key: Key::new(9).public(),
        ..ca.server_info()
    };
    assert_lie(meet(ca.fingerprint(), ca.config(), swapped).await, Check::Server);
    let other = ServerInfo {
        ca_fingerprint: liar.fingerprint(),
        ..ca.server_info()
    };
    assert_lie(meet(ca.fingerprint(), ca.config(), other).await, Check::Server);
}

#[tokio::test]
async fn chk_023_a_version_cannot_write_to_the_terminal() {
    let ca = Ca::new();
    for version in ["1.0\u{1b}[2J".to_owned(), "1".repeat(65)] {
        let info = ServerInfo {
            version,
            ..ca.server_info()
        };
        assert_lie(meet(ca.fingerprint(), ca.config(), info).await, Check::Name);
    }
}

#[tokio::test]
async fn without_mlkem_there_is_no_connection() {
    let ca = Ca::new();
    let classical = CryptoProvider {
        kx_groups: vec![provider::kx_group::X25519],
        ..provider::default_provider()
    };
    let config = ca.honest_leaf().config(&[&ca.der], classical);
    let error = meet(ca.fingerprint(), config, ca.server_info())
        .await
        .unwrap_err();
    assert!(
        matches!(error, TransportError::Unreachable { what: Obstacle::Tls }),
        "{error}"
    );
    assert!(!error.is_transient());
}

/// Says these bytes to whoever calls, then nothing.
#[derive(Clone)]
struct Says(&'static [u8]);

impl Dial for Says {
    fn dial(&self) -> Dialing<'_> {
        let (client, mut server) = duplex(64 * 1024);
        let bytes = self.0;
        tokio::spawn(async move {
            server.write_all(bytes).await.unwrap();
            let _hung_up = server.read_to_end(&mut Vec::new()).await;
        });
        Box::pin(async { Ok(Box::new(client) as Box<dyn Line>) })
    }
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    // A ServerHello of TLS 1.2: version 3.3, random, no session, ECDHE-ECDSA-AES128-GCM, no compression, no extension.
    const HELLO: &[u8] = &{
        let mut bytes = [7_u8; 49];
        let head = [0x16, 3, 3, 0, 44, 2, 0, 0, 40, 3, 3];
        let tail = [0, 0xc0, 0x2b, 0, 0, 0];
        let mut i = 0;
        while i < head.len() {
            bytes[i] = head[i];
            i += 1;
        }
        i = 0;
        while i < tail.len() {
            bytes[43 + i] = tail[i];
            i += 1;
        }
        bytes
    };
    let error = transport(Ca::new().fingerprint(), &Says(HELLO))
        .server_info()
        .await
        .unwrap_err();
    assert!(
        matches!(error, TransportError::Unreachable { what: Obstacle::Tls }),
        "{error}"
    );
}

#[tokio::test]
async fn an_endpoint_without_tls_is_refused() {
    let error = transport(Ca::new().fingerprint(), &Says(b"HTTP/1.1 200 OK\r\n\r\n"))
        .server_info()
        .await;
    assert!(matches!(
        error,
        Err(TransportError::Unreachable { what: Obstacle::Tls })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_hangs_is_given_up() {
    let error = transport(Ca::new().fingerprint(), &Says(b"")).server_info().await;
    assert!(matches!(error, Err(TransportError::TimedOut)));
}

#[tokio::test]
async fn each_connection_makes_the_full_handshake() {
    let ca = Ca::new();
    let info = encode(&ca.server_info());
    let full = Arc::new(AtomicUsize::new(0));
    let counted = full.clone();
    let server = Server::raw(ca.config(), move |_, stream| {
        let (info, counted) = (info.clone(), counted.clone());
        async move {
            let kind = stream.get_ref().1.handshake_kind();
            counted.fetch_add(usize::from(kind == Some(HandshakeKind::Full)), Ordering::SeqCst);
            http(stream, |_, _| ok(info.clone())).await;
        }
    });
    let transport = transport(ca.fingerprint(), &server);
    for _ in 0..3 {
        transport.server_info().await.unwrap();
        transport.shared.pool.forget_idle();
    }
    assert_eq!((server.connections(), full.load(Ordering::SeqCst)), (3, 3));
}

#[tokio::test]
async fn chk_020_the_same_over_tcp() {
    let ca = Ca::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tls, info) = (
        TlsAcceptor::from(Arc::new(ca.config())),
        encode(&ca.server_info()),
    );
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = tls.accept(stream).await {
                http(stream, |_, _| ok(info.clone())).await;
            }
        }
    });
    let url = |fingerprint| ServerUrl {
        address: address.clone(),
        fingerprint,
    };
    let liar = Transport::connect(url(Ca::new().fingerprint())).unwrap();
    assert_lie(liar.server_info().await, Check::Server);
    Transport::connect(url(ca.fingerprint()))
        .unwrap()
        .server_info()
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let url = ServerUrl {
        address,
        fingerprint: Ca::new().fingerprint(),
    };
    let error = Transport::connect(url).unwrap().server_info().await.unwrap_err();
    let refused = Obstacle::Connect(std::io::ErrorKind::ConnectionRefused);
    assert!(
        matches!(error, TransportError::Unreachable { what } if what == refused),
        "{error}"
    );
    assert!(error.is_transient());
}
