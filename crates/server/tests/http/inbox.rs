//! Inboxes: who may drop what into whose, who takes it out, and what is left of a deleted account.

use std::path::Path;

use crannog_proto::api::{DirectoryEntry, Inbox, Principal, Registered, Rung, Session};
use crannog_proto::{AccountId, limits};
use http::{Method, StatusCode};

use crate::TestServer;
use crate::bell::{bell, hold, rung};
use crate::client::{Answer, Client, hex};
use crate::fixtures::{Person, noise, random};
use crate::operate::crannogd;

const SMALL: usize = limits::DROP_SIZES[0];

impl Client {
    async fn put_drop(&mut self, account: AccountId, sealed: Vec<u8>) -> Answer {
        self.call(Method::POST, &format!("/v1/inbox/{account}"), &[], sealed)
            .await
    }

    async fn drops(&mut self, account: AccountId, count: usize) {
        for _ in 0..count {
            let answer = self.put_drop(account, noise(SMALL)).await;
            assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
        }
    }

    async fn inbox(&mut self) -> Vec<crannog_proto::api::Drop> {
        self.get("/v1/inbox").await.read::<Inbox>().drops
    }

    async fn take_out(&mut self, id: &[u8]) -> Answer {
        let path = format!("/v1/inbox/{}", hex(id));
        self.call(Method::DELETE, &path, &[], vec![]).await
    }
}

/// Changes rows behind the server's back.
fn sql(data: &Path, change: &str) -> usize {
    let db = rusqlite::Connection::open(data.join("crannogd.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    db.execute(change, []).unwrap()
}

fn operate(server: &TestServer, args: &[&str]) {
    let output = crannogd(server.folder.path(), args);
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_is_found_and_taken_out() {
    let server = TestServer::start().await;
    let (alice, mut hers) = server.person("alice").await;
    let (_, mut his) = server.person("bob").await;
    let id = alice.create.account_id();
    assert_eq!(hers.inbox().await, []);
    let mut sent = Vec::new();
    for size in limits::DROP_SIZES {
        let sealed = noise(size);
        let answer = his.put_drop(id, sealed.clone()).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
        // Its answer was lost.
        let answer = his.put_drop(id, sealed.clone()).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        sent.push(sealed);
    }
    let found = hers.inbox().await;
    let sealed: Vec<_> = found.iter().map(|drop| drop.sealed.clone()).collect();
    assert_eq!(sealed, sent, "once each, the oldest first");
    assert_eq!(hers.inbox().await, found, "reading takes nothing out");
    assert_eq!(his.inbox().await, []);

    assert_eq!(
        his.take_out(&found[0].id).await.status,
        StatusCode::NO_CONTENT,
        "it says nothing of other people's drops"
    );
    assert_eq!(hers.inbox().await, found, "and does nothing to them");
    for _ in 0..2 {
        let answer = hers.take_out(&found[0].id).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(hers.inbox().await, found[1..]);
    }
    // It may come again, for whatever reason.
    assert_eq!(
        his.put_drop(id, sent[0].clone()).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(hers.inbox().await.len(), 3);
    // The same bytes for another are another drop.
    let bob = his.get("/v1/directory/bob").await.read::<DirectoryEntry>();
    let bob = bob.links[0].account_id();
    hers.put_drop(bob, sent[1].clone()).await;
    assert_ne!(his.inbox().await[0].id, found[1].id);

    let folder = server.stop().await;
    let server = TestServer::start_in(folder, |_| ()).await;
    let mut again = server.client().await;
    again.login(&alice).await;
    assert_eq!(again.inbox().await.len(), 3, "it lies on disk");
    operate(&server, &["fsck", "--full"]);
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_drop_is_refused() {
    let server = TestServer::start().await;
    let (alice, mut client) = server.person("alice").await;
    let id = alice.create.account_id();
    for size in [0, 1, 4_095, 4_097, 8_192, 16_383, 65_535, 65_537, 200_000] {
        let answer = client.put_drop(id, noise(size)).await;
        assert_eq!(answer.code(), "bad_request", "{size}");
    }
    for path in ["/v1/inbox/alice", "/v1/inbox/ABCD", &format!("/v1/inbox/{id}0")] {
        let answer = client.call(Method::POST, path, &[], noise(SMALL)).await;
        assert_eq!(answer.code(), "bad_request", "{path}");
        let answer = client.call(Method::DELETE, path, &[], vec![]).await;
        assert_eq!(answer.code(), "bad_request", "{path}");
    }
    assert_eq!(
        client.put_drop(AccountId(random()), noise(SMALL)).await.code(),
        "not_found"
    );
    assert_eq!(client.inbox().await, []);

    client.session = None;
    for (method, path) in [
        (Method::POST, format!("/v1/inbox/{id}")),
        (Method::GET, "/v1/inbox".to_owned()),
        (Method::DELETE, format!("/v1/inbox/{}", hex(&[1; 16]))),
    ] {
        let answer = client.call(method.clone(), &path, &[], noise(SMALL)).await;
        assert_eq!(answer.code(), "unauthorized", "{path}");
    }
    let challenge = client.challenge("alice").await;
    let session = client
        .answer("alice", Principal::Root, &alice.root, challenge)
        .await;
    client.session = Some(session.read::<Session>().token);
    assert_eq!(client.put_drop(id, noise(SMALL)).await.code(), "forbidden");
    assert_eq!(client.get("/v1/inbox").await.code(), "forbidden");
    assert_eq!(client.take_out(&[1; 16]).await.code(), "forbidden");
    server.stop().await;
}

#[tokio::test]
async fn a_page_is_64_and_what_has_expired_is_gone() {
    let server = TestServer::start().await;
    let (alice, mut hers) = server.person("alice").await;
    let (_, mut his) = server.person("bob").await;
    his.drops(alice.create.account_id(), limits::INBOX_PAGE + 2).await;
    let page = hers.inbox().await;
    assert_eq!(page.len(), limits::INBOX_PAGE);
    for drop in &page {
        hers.take_out(&drop.id).await;
    }
    assert_eq!(hers.inbox().await.len(), 2);
    let data = server.folder.path().to_owned();
    assert_eq!(sql(&data, "UPDATE inbox SET expires = expires - 30 * 24"), 2);
    assert_eq!(hers.inbox().await.len(), 2, "thirty days are not yet over");
    sql(&data, "UPDATE inbox SET expires = expires - 1");
    assert_eq!(hers.inbox().await, []);
    let folder = server.stop().await;
    let server = TestServer::start_in(folder, |_| ()).await;
    assert_eq!(sql(&data, "DELETE FROM inbox"), 0, "swept");
    server.stop().await;
}

#[tokio::test]
async fn a_sender_drops_120_an_hour_and_an_inbox_holds_1024() {
    let server = TestServer::start().await;
    let (alice, mut hers) = server.person("alice").await;
    let (bob, mut his) = server.person("bob").await;
    let (_, mut theirs) = server.person("carol").await;
    let id = alice.create.account_id();
    // What is no drop costs nothing.
    assert_eq!(his.put_drop(id, noise(7)).await.code(), "bad_request");
    his.drops(id, 119).await;
    his.drops(bob.create.account_id(), 1).await;
    for account in [id, bob.create.account_id()] {
        let slow = his.put_drop(account, noise(SMALL)).await;
        assert_eq!(slow.code(), "too_many_requests");
        let wait: u32 = slow.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
    }
    his.login(&bob).await;
    assert_eq!(
        his.put_drop(id, noise(SMALL)).await.code(),
        "too_many_requests",
        "another session is the same sender"
    );
    theirs.drops(id, 1).await;

    let more = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 904)
        INSERT INTO inbox SELECT account, 10000 + n, randomblob(16), sealed, expires FROM n, (SELECT * FROM inbox WHERE account = 1 LIMIT 1)";
    assert_eq!(sql(server.folder.path(), more), 904);
    assert_eq!(theirs.put_drop(id, noise(SMALL)).await.code(), "inbox_full");
    let oldest = hers.inbox().await[0].clone();
    assert_eq!(
        theirs.put_drop(id, oldest.sealed).await.status,
        StatusCode::NO_CONTENT,
        "what lies there already"
    );
    hers.take_out(&oldest.id).await;
    theirs.drops(id, 1).await;
    assert_eq!(theirs.put_drop(id, noise(SMALL)).await.code(), "inbox_full");
    server.stop().await;
}

/// Nothing is charged, and nothing tells who dropped it: not a row, not a line of the operator's.
#[tokio::test(flavor = "multi_thread")]
async fn the_sender_is_nowhere() {
    let server = TestServer::start().await;
    let (alice, mut hers) = server.person("alice").await;
    let (bob, mut his) = server.person("bob").await;
    let before: crannog_proto::api::AccountView = hers.get("/v1/account").await.read();
    his.drops(alice.create.account_id(), 3).await;
    let after: crannog_proto::api::AccountView = hers.get("/v1/account").await.read();
    assert_eq!(before.used, after.used);
    let db = rusqlite::Connection::open(server.folder.path().join("crannogd.db")).unwrap();
    let columns: String = db
        .query_row(
            "SELECT group_concat(name) FROM pragma_table_info('inbox')",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(columns, "account,nr,id,sealed,expires");
    let accounts: Vec<i64> = db
        .prepare("SELECT DISTINCT account FROM inbox")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(accounts, [1], "alice's row, who came first");
    let shown = crannogd(server.folder.path(), &["inspect", "bob"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains(&bob.create.account_id().to_string()) && shown.contains("drops in its inbox: 0"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suspended_are_dropped_to_and_the_deleted_are_not() {
    let server = TestServer::start().await;
    let (alice, mut hers) = server.person("alice").await;
    let (bob, mut his) = server.person("bob").await;
    let id = alice.create.account_id();
    let by_id = format!("/v1/directory/{id}");
    let found: DirectoryEntry = his.get("/v1/directory/alice").await.read();
    assert_eq!(his.get(&by_id).await.read::<DirectoryEntry>(), found);
    assert_eq!(
        his.get(&by_id.to_uppercase().replace("/V1/DIRECTORY", "/v1/directory"))
            .await
            .code(),
        "not_found"
    );

    operate(&server, &["account", "suspend", "alice"]);
    assert_eq!(hers.get("/v1/inbox").await.code(), "suspended");
    assert_eq!(
        hers.put_drop(bob.create.account_id(), noise(SMALL)).await.code(),
        "suspended"
    );
    his.drops(id, 2).await;
    assert_eq!(his.get(&by_id).await.read::<DirectoryEntry>(), found);
    operate(&server, &["account", "suspend", "alice", "--undo"]);
    assert_eq!(hers.inbox().await.len(), 2);

    operate(&server, &["account", "delete", "alice", "--yes"]);
    assert_eq!(hers.get("/v1/inbox").await.code(), "unauthorized");
    assert_eq!(his.put_drop(id, noise(SMALL)).await.code(), "not_found");
    assert_eq!(his.get("/v1/directory/alice").await.code(), "not_found");
    assert_eq!(
        his.get(&by_id).await.read::<DirectoryEntry>(),
        found,
        "others cite it"
    );
    let unknown = format!("/v1/directory/{}", AccountId(random()));
    assert_eq!(his.get(&unknown).await.code(), "not_found");

    // The name is free. The chain is not: nobody cuts it off by beginning it anew.
    let invite = server.server.invite(2).await.unwrap().to_string();
    let mut client = server.client().await;
    assert_eq!(client.register(&alice, &invite).await.code(), "bad_chain");
    let other = Person::new("alice");
    client.register(&other, &invite).await.read::<Registered>();
    client.login(&other).await;
    assert_eq!(client.inbox().await, [], "another's drops are not hers");
    let named: DirectoryEntry = client.get("/v1/directory/alice").await.read();
    assert_eq!(named.links, [other.create]);
    assert_eq!(client.get(&by_id).await.read::<DirectoryEntry>(), found);
    operate(&server, &["fsck"]);
    server.stop().await;
}

#[tokio::test]
async fn every_bell_of_the_account_rings() {
    let server = TestServer::start().await;
    let (alice, mut hers) = server.person("alice").await;
    let (_, mut his) = server.person("bob").await;
    let id = alice.create.account_id();
    let mut journal = hers.create().await;
    let (mut first, mut second) = (bell(&server, &hers).await, bell(&server, &hers).await);
    let mut other = bell(&server, &his).await;
    let token = journal.epoch.token;
    let held = async |socket: &mut crate::bell::Socket, journal: &crate::fixtures::Journal| {
        hold(socket, &[(journal, token)]).await;
        assert!(matches!(rung(socket).await, Some(Rung::Journal(_))));
    };
    for socket in [&mut first, &mut second, &mut other] {
        held(socket, &journal).await;
    }
    let sealed = noise(SMALL);
    his.put_drop(id, sealed.clone()).await;
    for socket in [&mut first, &mut second] {
        assert_eq!(rung(socket).await, Some(Rung::Inbox));
    }
    // What lay there already rings for nobody, nor does another's: the next thing heard is the journal.
    his.put_drop(id, sealed).await;
    let change = journal.change();
    hers.done(&mut journal, &change).await;
    for socket in [&mut first, &mut second, &mut other] {
        assert!(matches!(rung(socket).await, Some(Rung::Journal(ring)) if ring.last.seq == 1));
    }

    // Who comes later is told after the first Hold, and not again after the next.
    let mut late = bell(&server, &hers).await;
    held(&mut late, &journal).await;
    assert_eq!(rung(&mut late).await, Some(Rung::Inbox));
    held(&mut late, &journal).await;
    let change = journal.change();
    hers.done(&mut journal, &change).await;
    assert!(matches!(rung(&mut late).await, Some(Rung::Journal(_))));
    let mut empty = bell(&server, &hers).await;
    hold(&mut empty, &[]).await;
    assert_eq!(rung(&mut empty).await, Some(Rung::Inbox), "with nothing held too");
    let drop = hers.inbox().await[0].id;
    hers.take_out(&drop).await;
    let mut last = bell(&server, &hers).await;
    held(&mut last, &journal).await;
    let change = journal.change();
    hers.done(&mut journal, &change).await;
    assert!(matches!(rung(&mut last).await, Some(Rung::Journal(_))));
    server.stop().await;
}
