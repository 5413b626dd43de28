//! Login, its renewal, and what is bound to a session.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use crannog_core::check::Check;
use crannog_proto::api::{AccountView, Login, Principal, Session, login_statement, write_grant_statement};
use crannog_proto::sign::Signature;
use crannog_proto::{BlobId, DeviceId, ErrorCode, Fingerprint, JournalId, decode, encode, labels};
use data_encoding::HEXLOWER;
use http::StatusCode;
use tokio::time::advance;

use super::ca::Ca;
use super::world::{
    Key, Server, assert_lie, header, http, logged_in, login_rows, ok, refusal, serving, status, transport,
};
use crate::transport::{GrantKey, TransportError};

fn view() -> Vec<u8> {
    encode(&AccountView {
        name: "alice".to_owned(),
        links: Vec::new(),
        secrets: Vec::new(),
        home: JournalId::ZERO,
        quota: 1,
        used: 0,
    })
}

fn bearer(nth: u8) -> String {
    format!("Bearer {}", HEXLOWER.encode(&[nth; 32]))
}

#[tokio::test]
async fn without_a_login_nothing_is_sent() {
    let (transport, server) = serving(|_, _| ok(view()));
    assert!(matches!(
        transport.account().await,
        Err(TransportError::NotLoggedIn)
    ));
    transport.set_login("alice", Arc::new(Key::new(2)));
    transport.forget_login();
    assert!(matches!(
        transport.account().await,
        Err(TransportError::NotLoggedIn)
    ));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_login_signs_the_pinned_server_challenge_and_name() {
    let ca = Ca::new();
    let pinned: Fingerprint = ca.fingerprint();
    let server = Server::raw(ca.config(), move |_, stream| async move {
        http(stream, |parts, body| {
            if parts.uri.path() == "/v1/login" {
                let login: Login = decode(&body).unwrap();
                assert_eq!(login.name, "alice");
                assert_eq!(login.principal, Principal::Device(DeviceId([5; 16])));
                let statement = login_statement(&pinned, &[3; 32], "alice");
                Key::new(2)
                    .public()
                    .verify(labels::LOGIN, &statement, &login.signature)
                    .unwrap();
            }
            login_rows(&AtomicUsize::new(0), parts).unwrap_or_else(|| {
                assert_eq!(header(parts, "authorization"), bearer(1));
                ok(view())
            })
        })
        .await;
    });
    let transport = transport(ca.fingerprint(), &server);
    transport.set_login("alice", Arc::new(Key::new(2)));
    assert_eq!(transport.account().await.unwrap().name, "alice");
}

#[tokio::test]
async fn many_callers_share_one_login_and_one_renewal() {
    let (transport, logins) = logged_in(|parts, _| {
        if header(parts, "authorization") == bearer(1) {
            refusal(ErrorCode::Unauthorized)
        } else {
            ok(view())
        }
    });
    let calls: Vec<_> = (0..30)
        .map(|_| {
            let transport = transport.clone();
            tokio::spawn(async move { transport.account().await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_server_that_never_accepts_is_not_asked_for_ever() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let (transport, logins) = logged_in(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        refusal(ErrorCode::Unauthorized)
    });
    let error = transport.account().await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Unauthorized));
    assert_eq!(
        (asked.load(Ordering::SeqCst), logins.load(Ordering::SeqCst)),
        (3, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_is_renewed_before_it_ends() {
    let (transport, logins) = logged_in(|_, _| ok(view()));
    transport.account().await.unwrap();
    advance(Duration::from_secs(10 * 3600)).await;
    transport.account().await.unwrap();
    assert_eq!(logins.load(Ordering::SeqCst), 1);
    advance(Duration::from_secs(3600)).await;
    transport.account().await.unwrap();
    assert_eq!(logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn another_login_gets_another_session() {
    let (transport, logins) = logged_in(|_, _| ok(view()));
    transport.account().await.unwrap();
    transport.set_login("alice", Arc::new(Key::new(3)));
    transport.account().await.unwrap();
    assert_eq!(logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refused_login_is_said_so() {
    let (transport, _) = serving(|parts, _| {
        login_rows(&AtomicUsize::new(0), parts)
            .filter(|_| parts.uri.path() != "/v1/login")
            .unwrap_or_else(|| refusal(ErrorCode::BadSignature))
    });
    transport.set_login("alice", Arc::new(Key::new(2)));
    assert_eq!(
        transport.account().await.unwrap_err().code(),
        Some(ErrorCode::Unauthorized)
    );
}

const JOURNAL: JournalId = JournalId([8; 32]);

#[tokio::test]
async fn a_grant_is_signed_once_in_each_session() {
    let (seen, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let (noted, ending) = (seen.clone(), ended.clone());
    let (transport, _) = logged_in(move |parts, _| {
        if ending.swap(false, Ordering::SeqCst) {
            return refusal(ErrorCode::Unauthorized);
        }
        noted
            .lock()
            .unwrap()
            .push(header(parts, "crannog-write").to_owned());
        status(StatusCode::NO_CONTENT)
    });
    let key = Key::new(3);
    let blob = Bytes::from_static(b"sealed");
    let id = BlobId::of(&blob);
    let put = || transport.put_blob(&JOURNAL, &key, &id, blob.clone());
    put().await.unwrap();
    put().await.unwrap();
    assert_eq!(key.signed.load(Ordering::SeqCst), 1);
    ended.store(true, Ordering::SeqCst);
    put().await.unwrap();
    assert_eq!(key.signed.load(Ordering::SeqCst), 2);

    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 2);
    for (grant, session) in seen.iter().zip([[1; 32], [1; 32], [2; 32]]) {
        let signature = grant.strip_prefix("4:").unwrap();
        let signature = Signature(HEXLOWER.decode(signature.as_bytes()).unwrap().try_into().unwrap());
        let statement = write_grant_statement(&JOURNAL, key.epoch(), &session);
        key.public()
            .verify(labels::WRITE_GRANT, &statement, &signature)
            .unwrap();
    }
}

#[tokio::test]
async fn a_refused_grant_is_not_kept() {
    let (transport, _) = logged_in(|_, _| refusal(ErrorCode::Forbidden));
    let key = Key::new(3);
    let blob = Bytes::from_static(b"sealed");
    for _ in 0..2 {
        let error = transport
            .put_blob(&JOURNAL, &key, &BlobId::of(&blob), blob.clone())
            .await
            .unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::Forbidden));
    }
    assert_eq!(key.signed.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn tokens_stand_in_no_error_and_no_debug() {
    let (transport, _) = serving(|parts, _| {
        if parts.uri.path() == "/v1/login" {
            let mut broken = encode(&Session {
                token: [0xab; 32],
                expires_in: 1,
            });
            broken.push(0);
            return ok(broken);
        }
        login_rows(&AtomicUsize::new(0), parts).unwrap()
    });
    transport.set_login("alice", Arc::new(Key::new(2)));
    let error = transport.account().await.unwrap_err();
    assert!(matches!(&error, TransportError::Misbehaved { evidence, .. } if evidence.0.is_empty()));
    assert_lie(Err::<(), _>(error), Check::Decode);

    let token = [0xab; 32];
    let (transport, _) = logged_in(|_, _| ok("not a page"));
    let error = transport.entries(&JOURNAL, &token, None, 1).await.unwrap_err();
    let live = transport
        .account_in_use()
        .unwrap()
        .live(&transport)
        .await
        .unwrap();
    let shown = format!("{error} {error:?} {transport:?} {live:?}");
    for secret in [
        HEXLOWER.encode(&token),
        HEXLOWER.encode(&[1; 32]),
        format!("{token:?}"),
    ] {
        assert!(!shown.contains(&secret), "{shown}");
    }
    assert!(
        shown.contains("Evidence(10 bytes)") && shown.ends_with("Live"),
        "{shown}"
    );
}
