//! Closed accounts: only the root closes one, and only what the root signed is believed (attacks 6, 14).

use crannog_agent_api::Code;
use crannog_core::identity::{WrittenWords, close};
use crannog_proto::api::{AppendLink, LinkSecrets};
use crannog_proto::sign::{Signature, message};
use crannog_proto::{ErrorCode, labels};
use crannog_testkit::{Device, Insider, Route, Site, Told};

use crate::circle::Circle;
use crate::names::stolen_close;
use crate::seen::{alarm, assert_lie, entry_of};
use crate::share::insider;

fn append(link: crannog_proto::sigchain::SignedLink) -> AppendLink {
    AppendLink {
        link,
        secrets: LinkSecrets::None,
    }
}

/// The Close that her words make.
fn honest_close(person: &Insider) -> crannog_proto::sigchain::SignedLink {
    let words = WrittenWords::parse(&person.sheet.words).unwrap();
    close(person.known.state(), words.words()).unwrap().link
}

/// A thief has the device, unlocked: session, device key, account key. The account stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_device_closes_nothing() {
    let site = Site::start();
    let alice = insider(&site, "alice").await;
    let honest = honest_close(&alice);
    let by_device = {
        let mut link = honest.clone();
        let message = message(labels::LINK_SIGNATURE, &link.link);
        link.signatures = vec![Signature(alice.keys.signing.sign(&message))];
        link
    };
    let unsigned = {
        let mut link = honest.clone();
        link.signatures.clear();
        link
    };
    let twice = {
        let mut link = stolen_close(&alice);
        link.signatures.push(by_device.signatures[0]);
        link
    };
    for (what, link) in [
        ("by the account key", stolen_close(&alice)),
        ("by the device", by_device),
        ("by nobody", unsigned),
        ("by both", twice),
    ] {
        let refused = alice.transport.append_link(&append(link)).await.expect_err(what);
        assert_eq!(
            refused.code(),
            Some(ErrorCode::BadSignature),
            "{what}: {refused:?}"
        );
        assert_eq!(
            alice.transport.account().await.unwrap().links,
            alice.known.links(),
            "{what}"
        );
    }
    // The honest twin.
    alice.transport.append_link(&append(honest)).await.unwrap();
    let gone = alice.transport.account().await.unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::Unauthorized));
    let again = Device::join(&site.url(), &site.invite().1, "alice").await;
    assert_eq!(again.expect_err("the name is taken").code, Code::Conflict);
}

/// CHK-012: a drive that is not there any more is a lie, unless the root of whoever made it says that she is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_012_gone_with_its_maker() {
    let circle = Circle::new().await;
    let (photos, alice) = (circle.photos, circle.alice.account);
    let mut forged = entry_of(&circle.alice.known);
    forged.links.push(stolen_close(&circle.alice));
    for (what, entry) in [
        ("she is still there", entry_of(&circle.alice.known)),
        ("her account key closed it", forged),
    ] {
        circle.liar.swallow(move |ask| match ask.route() {
            Route::Entries(journal) | Route::Append(journal) if journal == photos => {
                Some(Told::refusal(404, "not_found"))
            }
            Route::DirectoryOf(account) if account == alice => Some(Told::ok(&entry)),
            _ => None,
        });
        let bob = circle.bob.wake_copy().await;
        let failure = alarm(&bob).await.unwrap_or_else(|| panic!("{what} went unseen"));
        assert_lie(&failure, what, "CHK-012", "drive photos");
        circle.liar.repent();
        bob.close().await;
    }
    let honest = honest_close(&circle.alice);
    circle.alice.transport.append_link(&append(honest)).await.unwrap();
    let bob = circle.bob.wake_copy().await;
    assert_eq!(alarm(&bob).await, None);
    let contacts = bob.contacts().await;
    let alice = contacts.iter().find(|contact| contact.name == "alice").unwrap();
    assert!(alice.closed && alice.changed_to.is_none(), "{alice:?}");
    let refused = bob
        .share("/", "alice", crannog_agent_api::request::Role::Reader)
        .await
        .unwrap_err();
    assert_eq!(refused.code, Code::NotFound, "{refused:?}");
    let put = bob.put("photos:/more", b"more").await.unwrap_err();
    assert_eq!(put.code, Code::NotFound, "{put:?}");
    // Seen once, it holds: a server that shows her as before is found.
    let before = entry_of(&circle.alice.known);
    let account = circle.alice.account;
    circle
        .liar
        .swallow(move |ask| (ask.route() == Route::DirectoryOf(account)).then(|| Told::ok(&before)));
    let failure = alarm(&bob).await;
    assert!(failure.is_none_or(|failure| failure.check.as_deref() == Some("CHK-007")));
    bob.close().await;
}
