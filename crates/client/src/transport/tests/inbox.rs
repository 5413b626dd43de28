//! Inboxes as they are served: CHK-024, CHK-029.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use crannog_core::check::Check;
use crannog_proto::api::{DirectoryEntry, Drop, Inbox};
use crannog_proto::sigchain::SignedLink;
use crannog_proto::{AccountId, ErrorCode, encode, limits};
use http::StatusCode;

use super::world::{assert_lie, logged_in, ok, refusal, serving, status};
use crate::transport::{Transport, TransportError};

const ALICE: AccountId = AccountId([0xab; 32]);

fn saying(answer: Vec<u8>) -> Transport {
    logged_in(move |_, _| ok(answer.clone())).0
}

fn drops(count: usize, size: usize) -> Vec<Drop> {
    (0..count)
        .map(|nth| Drop {
            id: [u8::try_from(nth).unwrap(); 16],
            sealed: vec![7; size],
        })
        .collect()
}

#[tokio::test]
async fn an_inbox_is_bounded() {
    let largest = limits::DROP_SIZES[2];
    let inbox = |drops| encode(&Inbox { drops });
    let full = drops(limits::INBOX_PAGE, largest);
    assert_eq!(
        saying(inbox(full.clone())).inbox().await.unwrap().drops,
        full,
        "the largest that an honest server tells"
    );
    assert_eq!(saying(inbox(Vec::new())).inbox().await.unwrap().drops, []);
    let many = drops(limits::INBOX_PAGE + 1, limits::DROP_SIZES[0]);
    assert_lie(saying(inbox(many)).inbox().await, Check::Bounds);
    let larger = drops(limits::INBOX_PAGE + 1, largest);
    assert_lie(saying(inbox(larger)).inbox().await, Check::Bounds);
    for size in [0, 4_095, 4_097, 65_537, 4 << 20] {
        assert_lie(saying(inbox(drops(1, size))).inbox().await, Check::Bounds);
    }
    let mut longer = inbox(drops(1, 4_096));
    longer.push(0);
    assert_lie(saying(longer).inbox().await, Check::Decode);
    assert_lie(saying(vec![0xff; 4]).inbox().await, Check::Decode);
}

#[tokio::test]
async fn a_drop_goes_where_it_is_meant_to() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let (transport, _) = logged_in(move |parts, body: Bytes| {
        let line = format!("{} {} {}", parts.method, parts.uri, body.len());
        log.lock().unwrap().push(line);
        status(StatusCode::NO_CONTENT)
    });
    transport.inbox_put(&ALICE, &[1; 16_384]).await.unwrap();
    transport.inbox_done(&[0x0c; 16]).await.unwrap();
    let expected = [
        format!("POST /v1/inbox/{} 16384", "ab".repeat(32)),
        format!("DELETE /v1/inbox/{} 0", "0c".repeat(16)),
    ];
    assert_eq!(*asked.lock().unwrap(), expected);

    for code in [ErrorCode::InboxFull, ErrorCode::NotFound] {
        let (transport, _) = logged_in(move |_, _| refusal(code));
        let error = transport.inbox_put(&ALICE, &[1; 4_096]).await.unwrap_err();
        assert_eq!(error.code(), Some(code));
        assert!(!error.is_transient());
    }
    let (transport, server) = serving(|_, _| ok(""));
    for size in [0, 4_095, 65_537] {
        assert!(matches!(
            transport.inbox_put(&ALICE, &vec![1; size]).await,
            Err(TransportError::Misuse(_))
        ));
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_directory_entry_is_of_the_account_asked_for() {
    let link = SignedLink {
        link: vec![4; 200],
        signatures: Vec::new(),
    };
    let id = link.account_id();
    let entry = |name: &str, links: &[&SignedLink]| {
        let links = links.iter().copied().cloned().collect();
        let name = name.to_owned();
        encode(&DirectoryEntry { name, links })
    };
    let other = SignedLink {
        link: vec![5; 200],
        ..link.clone()
    };
    let found = saying(entry("bob", &[&link, &other])).directory_of(&id).await;
    assert_eq!(found.unwrap().links.len(), 2);
    for lie in [
        entry("bob", &[]),
        entry("bob", &[&other]),
        entry("bob", &[&other, &link]),
        entry("", &[&link]),
        entry("\u{1b}[2J", &[&link]),
        entry(&"b".repeat(33), &[&link]),
    ] {
        assert_lie(saying(lie).directory_of(&id).await, Check::ChainLink);
    }
    let large = SignedLink {
        link: vec![0; limits::LINK_MAX + 1],
        ..link.clone()
    };
    assert_lie(
        saying(entry("bob", &[&link, &large])).directory_of(&id).await,
        Check::Bounds,
    );
}
