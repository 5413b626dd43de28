//! Whose certificate it is.

use std::sync::Arc;

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, date_time_ymd};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::CertificateDer;
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, HandshakeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::parties::Party;
use crate::world::{World, config_with};

#[tokio::test]
async fn an_honest_client_is_introduced_by_its_hashes() {
    let world = World::new();
    let party = Party::new();
    let client = world.connect(&party).await.unwrap();
    let hello = world.keys.meet().await.hello;
    assert_eq!(hello.certificate, party.sha256());
    assert_eq!(hello.spki, party.spki_sha256());
    assert_eq!(hello.account, None);
    assert_eq!(hello.address, client.get_ref().0.local_addr().unwrap());
    world.still_serves().await;
}

#[tokio::test]
async fn key_009_nobody_passes_without_a_certificate_of_today_and_its_key() {
    let world = World::new();
    let refused = async |party: &Party| world.alert(world.config(party)).await;

    let anonymous = config_with(&world.server, default_provider()).with_no_client_auth();
    assert_eq!(
        world.alert(anonymous).await,
        AlertDescription::CertificateRequired
    );

    let mut thief = Party::new();
    thief.chain = Party::new().chain;
    assert_eq!(refused(&thief).await, AlertDescription::DecryptError);

    let expired = Party::with(|params| params.not_after = date_time_ymd(2020, 1, 1));
    assert_eq!(refused(&expired).await, AlertDescription::CertificateExpired);
    let early = Party::with(|params| params.not_before = date_time_ymd(2100, 1, 1));
    assert_eq!(refused(&early).await, AlertDescription::CertificateExpired);

    let authority = Party::with(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(refused(&authority).await, AlertDescription::CertificateUnknown);
    let server = Party::with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert_eq!(refused(&server).await, AlertDescription::CertificateUnknown);
    let sealer = Party::with(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    assert_eq!(refused(&sealer).await, AlertDescription::CertificateUnknown);

    world.still_serves().await;
}

#[tokio::test]
async fn restrictions_that_allow_clients_are_none() {
    let world = World::new();
    let party = Party::with(|params| {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    world.served(&party).await;
}

#[tokio::test]
async fn chk_029_bytes_that_are_no_certificate_are_nobody() {
    let world = World::new();
    let honest = Party::new().chain.remove(0);
    let longer = [honest.as_ref(), &[0]].concat();
    for der in [vec![], vec![0x30; 200], honest[..100].to_vec(), longer] {
        let mut party = Party::new();
        party.chain = vec![CertificateDer::from(der)];
        let alert = world.alert(world.config(&party)).await;
        assert!(
            matches!(
                alert,
                AlertDescription::BadCertificate | AlertDescription::DecodeError
            ),
            "{alert:?}"
        );
    }
    world.still_serves().await;
}

#[tokio::test]
async fn tls_1_3_and_its_three_groups_alone() {
    let world = World::new();
    let with_group = |group| {
        let provider = CryptoProvider {
            kx_groups: vec![group],
            ..default_provider()
        };
        let party = Party::new();
        let shown = SingleCertAndKey::from(party.certified());
        config_with(&world.server, provider).with_client_cert_resolver(Arc::new(shown))
    };
    for group in [kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1] {
        let client = world.connect_with(with_group(group), "127.0.0.1").await.unwrap();
        let used = client.get_ref().1.negotiated_key_exchange_group().unwrap();
        assert_eq!(used.name(), group.name());
        world.keys.meet().await.let_in().await;
    }
    let refused = world.alert(with_group(kx_group::SECP384R1)).await;
    assert_eq!(refused, AlertDescription::HandshakeFailure);

    // A ClientHello of TLS 1.2: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; groups: X25519, points: uncompressed, signatures:
    // ECDSA with P-256.
    let suite = [0, 0, 2, 0xc0, 0x2b, 1, 0];
    let extensions = [
        &[0, 22][..],
        &[0, 10, 0, 4, 0, 2, 0, 0x1d],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 4, 0, 2, 4, 3],
    ]
    .concat();
    let hello = [&[0x03, 0x03][..], &[7; 32], &suite, &extensions].concat();
    let len = u8::try_from(hello.len()).unwrap();
    let record = [&[0x16, 0x03, 0x01, 0, len + 4, 0x01, 0, 0, len][..], &hello].concat();
    let mut old = world.tcp("127.0.0.1").await;
    old.write_all(&record).await.unwrap();
    let mut answer = Vec::new();
    old.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer[0], 0x15, "an alert");
    assert_eq!(answer[5..], [2, 70], "fatal, protocol_version");
    world.still_serves().await;
}

#[tokio::test]
async fn http_1_1_or_nothing_said_of_it() {
    let world = World::new();
    for (offered, chosen) in [
        (vec![], None),
        (vec!["http/1.1"], Some("http/1.1")),
        (vec!["h2", "http/1.1"], Some("http/1.1")),
    ] {
        let mut config = world.config(&Party::new());
        config.alpn_protocols = offered.into_iter().map(|name| name.as_bytes().to_vec()).collect();
        let client = world.connect_with(config, "127.0.0.1").await.unwrap();
        assert_eq!(client.get_ref().1.alpn_protocol(), chosen.map(str::as_bytes));
        world.keys.meet().await.let_in().await;
    }
    let mut config = world.config(&Party::new());
    config.alpn_protocols = vec![b"h2".to_vec()];
    assert_eq!(world.alert(config).await, AlertDescription::NoApplicationProtocol);
}

#[tokio::test]
async fn no_session_is_resumed() {
    let world = World::new();
    let config = world.config(&Party::new());
    for _ in 0..2 {
        let mut client = world.connect_with(config.clone(), "127.0.0.1").await.unwrap();
        let mut keys = world.keys.meet().await.let_in().await;
        keys.write_all(b"x").await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'x');
        let (_, connection) = client.get_ref();
        assert_eq!(connection.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(connection.tls13_tickets_received(), 0);
    }
}
