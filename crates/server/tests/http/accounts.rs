//! Registration, login, sessions, sigchain, directory, who the server is.

use crannog_proto::api::{
    AccountView, AppendLink, DirectoryEntry, LinkSecrets, Principal, Register, Registered, ServerInfo,
    Session,
};
use crannog_proto::sigchain::{DeviceEnvelope, GenerationSecrets, LinkKind};
use crannog_proto::{DeviceId, ErrorCode, Hash, labels, limits};
use http::{Method, StatusCode};

use crate::TestServer;
use crate::client::{ours, tls};
use crate::fixtures::{Key, Person, device_of, generation, noise, random, secrets, sign_link};

#[tokio::test]
async fn the_server_says_who_it_is() {
    let server = TestServer::start().await;
    let info: ServerInfo = server.client().await.get("/v1/server").await.read();
    assert_eq!(info.ca_fingerprint, server.server.url.fingerprint);
    let ca = std::fs::read(server.folder.path().join("ca.key")).unwrap();
    let ca = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(&ca).unwrap();
    let key: [u8; 32] = aws_lc_rs::signature::KeyPair::public_key(&ca)
        .as_ref()
        .try_into()
        .unwrap();
    let key = crannog_proto::sign::VerifyingKey(key);
    key.verify(
        labels::RECEIPT_KEY,
        &info.receipt_key.0,
        &info.receipt_key_signature,
    )
    .unwrap();
    server.stop().await;
}

#[tokio::test]
async fn only_the_hybrid_key_exchange_is_spoken() {
    let server = TestServer::start().await;
    let name = rustls::pki_types::ServerName::try_from(server.server.url.fingerprint.dns_name()).unwrap();
    for (groups, good) in [
        (ours(), true),
        (vec![rustls::crypto::aws_lc_rs::kx_group::X25519], false),
    ] {
        let tcp = tokio::net::TcpStream::connect(server.server.addr).await.unwrap();
        let connected = tls(server.folder.path(), groups).connect(name.clone(), tcp).await;
        assert_eq!(connected.is_ok(), good);
    }
    server.stop().await;
}

#[tokio::test]
async fn registration() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let alice = Person::new("alice");
    assert_eq!(client.register(&alice, "nonsense").await.code(), "invite_invalid");
    let other = "a".repeat(26);
    assert_eq!(client.register(&alice, &other).await.code(), "invite_invalid");
    let invite = server.server.invite(2).await.unwrap().to_string();
    let first: Registered = client.register(&alice, &invite).await.read();
    let again: Registered = client.register(&alice, &invite).await.read();
    assert_eq!(first, again);
    assert_eq!(
        client.register(&Person::new("alice"), &invite).await.code(),
        "name_taken"
    );
    let mut forged = Person::new("mallory");
    forged.create.signatures[0].0[0] ^= 1;
    assert_eq!(client.register(&forged, &invite).await.code(), "bad_signature");
    let mut forged = Person::new("mallory");
    forged.home.genesis.signature.0[0] ^= 1;
    assert_eq!(client.register(&forged, &invite).await.code(), "bad_signature");
    let garbage = client
        .call(Method::POST, "/v1/accounts", &[], vec![1, 2, 3])
        .await;
    assert_eq!(garbage.code(), "bad_request");
    let long = client
        .call(Method::POST, "/v1/accounts", &[], noise(3 * 1024 * 1024))
        .await;
    assert_eq!(long.code(), "too_large");
    client
        .register(&Person::new("bob"), &invite)
        .await
        .read::<Registered>();
    assert_eq!(
        client.register(&Person::new("carol"), &invite).await.code(),
        "invite_invalid"
    );
    server.stop().await;
}

#[tokio::test]
async fn login() {
    let server = TestServer::start().await;
    let (alice, mut client) = server.person("alice").await;
    client.session = None;
    let device = || Principal::Device(alice.device_id);
    let challenge = client.challenge("alice").await;
    assert_eq!(
        client
            .answer("alice", device(), &Key::new(), challenge)
            .await
            .code(),
        "bad_signature"
    );
    let session: Session = client
        .answer("alice", device(), &alice.device, challenge)
        .await
        .read();
    assert_eq!(session.expires_in, 12 * 3600);
    assert_eq!(
        client
            .answer("alice", device(), &alice.device, challenge)
            .await
            .code(),
        "unauthorized"
    );
    assert_eq!(
        client
            .answer("alice", device(), &alice.device, random())
            .await
            .code(),
        "unauthorized"
    );
    let nobody = client.challenge("nobody").await;
    assert_eq!(
        client
            .answer("nobody", Principal::Root, &alice.root, nobody)
            .await
            .code(),
        "bad_signature"
    );
    assert_eq!(
        client
            .answer("alice", device(), &alice.device, nobody)
            .await
            .code(),
        "unauthorized"
    );
    assert_eq!(client.get("/v1/account").await.code(), "unauthorized");
    client.session = Some(random());
    assert_eq!(client.get("/v1/account").await.code(), "unauthorized");
    client.session = Some(session.token);
    let view: AccountView = client.get("/v1/account").await.read();
    assert_eq!(
        (view.name.as_str(), view.home, view.links.len()),
        ("alice", alice.home.id, 1)
    );
    let found: DirectoryEntry = client.get("/v1/directory/alice").await.read();
    assert_eq!(found.links, view.links);
    assert_eq!(client.get("/v1/directory/nobody").await.code(), "not_found");
    assert_eq!(client.get("/v1/nothing").await.code(), "not_found");
    assert_eq!(
        client
            .call(Method::DELETE, "/v1/account", &[], vec![])
            .await
            .code(),
        "bad_request"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_root_session_reads_and_appends_links() {
    let server = TestServer::start().await;
    let (alice, mut client) = server.person("alice").await;
    let journal = client.create().await;
    client.session = None;
    let challenge = client.challenge("alice").await;
    let session: Session = client
        .answer("alice", Principal::Root, &alice.root, challenge)
        .await
        .read();
    client.session = Some(session.token);
    assert_eq!(client.get("/v1/account").await.status, StatusCode::OK);
    assert_eq!(client.get("/v1/directory/alice").await.status, StatusCode::OK);
    assert_eq!(client.pages(&journal, "").await.entries.len(), 1);
    assert_eq!(
        client.post("/v1/journals", &journal.genesis).await.code(),
        "forbidden"
    );
    assert_eq!(
        client.append_raw(journal.id, &[journal.change()]).await.code(),
        "forbidden"
    );
    assert_eq!(
        client
            .put(&journal, crannog_proto::BlobId::of(b"x"), b"x".to_vec())
            .await
            .code(),
        "forbidden"
    );
    assert_eq!(client.get("/v1/bell").await.code(), "forbidden");
    server.stop().await;
}

#[tokio::test]
async fn links_revoke_sessions_and_a_root_overrides() {
    let server = TestServer::start().await;
    let (alice, mut client) = server.person("alice").await;
    let head = alice.create.hash();
    let (new, id) = (Key::new(), DeviceId(random()));
    let add = sign_link(
        1,
        head,
        LinkKind::AddDevice {
            device: device_of(id, &new),
        },
        &[&alice.account, &new],
    );
    let envelope = LinkSecrets::Device(DeviceEnvelope {
        device: id,
        wrapped: noise(limits::WRAPPED_SECRET),
    });
    let request = AppendLink {
        link: add.clone(),
        secrets: envelope,
    };
    let without = AppendLink {
        link: add.clone(),
        secrets: LinkSecrets::None,
    };
    assert_eq!(
        client.post("/v1/account/links", &without).await.code(),
        "bad_request"
    );
    let mut forged = request.clone();
    forged.link.signatures[0].0[0] ^= 1;
    assert_eq!(
        client.post("/v1/account/links", &forged).await.code(),
        "bad_signature"
    );
    let off = sign_link(
        1,
        Hash::ZERO,
        LinkKind::AddDevice {
            device: device_of(id, &new),
        },
        &[&alice.account, &new],
    );
    let off = AppendLink {
        link: off,
        secrets: request.secrets.clone(),
    };
    assert_eq!(client.post("/v1/account/links", &off).await.code(), "bad_chain");
    client.post("/v1/account/links", &request).await.read::<()>();
    client.post("/v1/account/links", &request).await.read::<()>();

    // The words override what the account's key signed: the added device goes, the first one too.
    let (second, third, third_id) = (Key::new(), Key::new(), DeviceId(random()));
    let kind = LinkKind::Recover {
        device: device_of(third_id, &third),
        generation: generation(1, &second),
        remaining: vec![third_id],
    };
    let recover = sign_link(1, head, kind, &[&alice.root, &second, &third]);
    let request = AppendLink {
        link: recover.clone(),
        secrets: LinkSecrets::Generation(secrets(1, third_id)),
    };
    client.post("/v1/account/links", &request).await.read::<()>();
    assert_eq!(
        client.get("/v1/account").await.code(),
        "unauthorized",
        "a revoked device's session ends"
    );
    client.session = None;
    let challenge = client.challenge("alice").await;
    let session = client
        .answer("alice", Principal::Device(third_id), &third, challenge)
        .await;
    client.session = Some(session.read::<Session>().token);
    let view: AccountView = client.get("/v1/account").await.read();
    assert_eq!(
        (view.links.len(), view.secrets.len(), view.links[1].hash()),
        (2, 2, recover.hash())
    );
    server.stop().await;
}

/// What a link brings lies on the server uncharged: one box for each device that the chain then has, no longer than a box is.
#[tokio::test]
async fn a_generation_has_one_box_for_each_device() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let invite = server.server.invite(1).await.unwrap().to_string();
    let alice = Person::new("alice");
    let (own, other) = (alice.device_id, DeviceId(random()));
    let envelope = |device, len| DeviceEnvelope {
        device,
        wrapped: noise(len),
    };
    let fits = limits::WRAPPED_SECRET;
    let bad = |own: DeviceId| {
        [
            vec![],
            vec![envelope(own, fits), envelope(own, fits)],
            vec![envelope(own, fits), envelope(other, fits)],
            vec![envelope(other, fits)],
            vec![envelope(own, fits + 1)],
        ]
    };
    for devices in bad(own) {
        let register = Register {
            invite: invite.clone(),
            link: alice.create.clone(),
            secrets: GenerationSecrets {
                devices,
                ..secrets(0, own)
            },
            home: alice.home.genesis.clone(),
        };
        assert_eq!(client.post("/v1/accounts", &register).await.code(), "bad_request");
    }
    server.stop().await;

    let server = TestServer::start().await;
    let (alice, mut client) = server.person("alice").await;
    let (second, device, id) = (Key::new(), Key::new(), DeviceId(random()));
    let kind = LinkKind::Recover {
        device: device_of(id, &device),
        generation: generation(1, &second),
        remaining: vec![id],
    };
    let recover = AppendLink {
        link: sign_link(1, alice.create.hash(), kind, &[&alice.root, &second, &device]),
        secrets: LinkSecrets::Generation(secrets(1, id)),
    };
    let kept = || secrets(1, alice.device_id).devices.remove(0);
    let too_many = bad(id).into_iter().chain([vec![envelope(id, fits), kept()]]);
    for devices in too_many {
        let secrets = GenerationSecrets {
            devices,
            ..secrets(1, id)
        };
        let twisted = AppendLink {
            secrets: LinkSecrets::Generation(secrets),
            ..recover.clone()
        };
        assert_eq!(
            client.post("/v1/account/links", &twisted).await.code(),
            "bad_request"
        );
    }
    client.post("/v1/account/links", &recover).await.read::<()>();
    server.stop().await;
}

#[tokio::test]
async fn rates() {
    let server = TestServer::start_with(|config| {
        config.limits.logins_per_minute = 2;
        config.limits.requests_per_second = 3;
    })
    .await;
    let (_, mut client) = server.person("alice").await;
    let request = crannog_proto::api::ChallengeRequest {
        name: "alice".to_owned(),
    };
    let slow = client.post("/v1/login/challenge", &request).await;
    assert_eq!(slow.code(), ErrorCode::TooManyRequests.as_str());
    assert!(
        slow.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
            >= 1
    );
    let mut codes = Vec::new();
    for _ in 0..200 {
        codes.push(client.get("/v1/account").await.status.as_u16());
    }
    assert!(codes.contains(&429), "one session cannot ask without end");
    server.stop().await;
}
