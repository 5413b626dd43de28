//! Shapes of sigchains as they are served: CHK-024.

use crannog_core::check::Check;
use crannog_proto::api::{AccountView, DirectoryEntry};
use crannog_proto::sigchain::SignedLink;
use crannog_proto::{JournalId, encode, limits};

use super::world::{assert_lie, logged_in, ok, serving};
use crate::transport::{Transport, TransportError};

fn saying(answer: Vec<u8>) -> Transport {
    logged_in(move |_, _| ok(answer.clone())).0
}

#[tokio::test]
async fn a_directory_entry_is_of_the_name_asked_for_and_bounded() {
    let link = SignedLink {
        link: vec![0; limits::LINK_MAX],
        signatures: Vec::new(),
    };
    let entry = |name: &str, links| {
        encode(&DirectoryEntry {
            name: name.to_owned(),
            links,
        })
    };
    saying(entry("bob", vec![link.clone()]))
        .directory("bob")
        .await
        .unwrap();
    assert_lie(
        saying(entry("eve", Vec::new())).directory("bob").await,
        Check::ChainLink,
    );
    let large = SignedLink {
        link: vec![0; limits::LINK_MAX + 1],
        ..link.clone()
    };
    assert_lie(
        saying(entry("bob", vec![large])).directory("bob").await,
        Check::Bounds,
    );
    let many = vec![
        SignedLink {
            link: Vec::new(),
            ..link
        };
        limits::LINKS_MAX + 1
    ];
    assert_lie(saying(entry("bob", many)).directory("bob").await, Check::Bounds);
    let (transport, server) = serving(|_, _| ok(""));
    for name in ["", "../account", "bob?x", "Bob"] {
        assert!(
            matches!(transport.directory(name).await, Err(TransportError::Misuse(_))),
            "{name}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn chk_024_one_s_own_sigchain_is_bounded_too() {
    let view = |len| {
        let link = SignedLink {
            link: vec![0; len],
            signatures: Vec::new(),
        };
        encode(&AccountView {
            name: "alice".to_owned(),
            links: vec![link],
            secrets: Vec::new(),
            home: JournalId::ZERO,
            quota: 0,
            used: 0,
        })
    };
    assert_eq!(
        saying(view(limits::LINK_MAX))
            .account()
            .await
            .unwrap()
            .links
            .len(),
        1
    );
    assert_lie(saying(view(limits::LINK_MAX + 1)).account().await, Check::Bounds);
}
