//! Appending and reading.

use crannog_proto::api::{Append, AppendResult};
use crannog_proto::{Kind, SeqRange, encode};
use http::Method;

use crate::TestServer;
use crate::client::refused;
use crate::fixtures::{Epoch, Journal, Key, noise, random, seal};

#[tokio::test]
async fn append_and_read() {
    let server = TestServer::start().await;
    let (_, mut client) = server.person("alice").await;
    let mut journal = client.create().await;
    let receipt: crannog_proto::Receipt = client.post("/v1/journals", &journal.genesis).await.read();
    assert_eq!(receipt.seq, 0, "a repeated genesis gets its first answer");
    let info: crannog_proto::api::ServerInfo = client.get("/v1/server").await.read();
    receipt.verify(&info.receipt_key).unwrap();
    let entries: Vec<_> = (0..3).map(|_| journal.change()).collect();
    let results = client.append(journal.id, &entries).await;
    assert!(
        results
            .iter()
            .all(|result| matches!(result, AppendResult::Done(r) if r.verify(&info.receipt_key).is_ok()))
    );
    let again = client.append(journal.id, &entries[1..2]).await;
    assert_eq!(again[0], results[1], "exactly once");
    entries.iter().for_each(|entry| journal.saw(entry));
    let page = client.pages(&journal, "?limit=2").await;
    assert_eq!(
        (page.entries.len(), page.last.seq, page.last.head),
        (2, 3, journal.seen.head)
    );
    let page = client.pages(&journal, "?after=1").await;
    assert_eq!(
        page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(page.entries[1].entry, entries[2]);
    assert!(client.pages(&journal, "?after=3").await.entries.is_empty());
    assert_eq!(
        client
            .page(journal.id, "?after=x", &journal.epoch.token)
            .await
            .code(),
        "bad_request"
    );
    assert_eq!(client.page(journal.id, "", &random()).await.code(), "not_found");
    assert_eq!(
        client
            .page(Journal::new().id, "", &journal.epoch.token)
            .await
            .code(),
        "not_found"
    );
    let path = format!("/v1/journals/{}/entries", journal.id);
    assert_eq!(client.get(&path).await.code(), "forbidden");
    server.stop().await;
}

#[tokio::test]
async fn refusals() {
    let server = TestServer::start().await;
    let (_, mut client) = server.person("alice").await;
    let mut journal = client.create().await;
    let id = journal.id;
    let mut header = journal.header(Kind::Change);
    let forged = seal(&header, &Key::new(), b"body");
    assert_eq!(refused(&client.append(id, &[forged]).await), "bad_signature");
    let by_writer = seal(&journal.header(Kind::Close), &journal.epoch.write, b"body");
    assert_eq!(refused(&client.append(id, &[by_writer]).await), "bad_signature");
    header.seen.head.0[0] ^= 1;
    assert_eq!(
        refused(&client.append(id, &[journal.seal(&header)]).await),
        "stale_seen"
    );
    header = journal.header(Kind::Change);
    header.epoch = 1;
    assert_eq!(
        refused(&client.append(id, &[journal.seal(&header)]).await),
        "stale_epoch"
    );
    header = journal.header(Kind::Change);
    header.journal.0[0] ^= 1;
    assert_eq!(
        refused(&client.append(id, &[journal.seal(&header)]).await),
        "bad_request"
    );
    header = journal.header(Kind::Change);
    header.version = 2;
    assert_eq!(
        refused(&client.append(id, &[journal.seal(&header)]).await),
        "bad_request"
    );
    let other_body = seal(&journal.header(Kind::Change), &journal.epoch.write, b"else");
    assert_eq!(refused(&client.append(id, &[other_body]).await), "bad_request");
    let ahead = journal.entry(Kind::Checkpoint { through: 1 }, &[], &[]);
    assert_eq!(refused(&client.append(id, &[ahead]).await), "bad_request");
    let prune = journal.entry(
        Kind::Prune {
            ranges: vec![SeqRange { from: 0, to: 0 }],
        },
        &[],
        &[],
    );
    assert_eq!(refused(&client.append(id, &[prune]).await), "bad_request");
    let good = journal.change();
    let results = client
        .append(
            id,
            &[good.clone(), seal(&header, &Key::new(), b"x"), journal.change()],
        )
        .await;
    assert_eq!(
        (results.len(), refused(&results)),
        (2, "bad_request"),
        "the first that fails ends it"
    );
    journal.saw(&good);
    assert_eq!(
        client
            .append_raw(Journal::new().id, std::slice::from_ref(&good))
            .await
            .code(),
        "not_found"
    );
    assert_eq!(client.append_raw(id, &[]).await.code(), "bad_request");
    assert_eq!(client.append_raw(id, &vec![good; 65]).await.code(), "bad_request");
    let path = format!("/v1/journals/{id}/entries");
    assert_eq!(
        client.call(Method::POST, &path, &[], noise(9 << 20)).await.code(),
        "too_large"
    );
    assert_eq!(
        client
            .post("/v1/journals/zz/entries", &Append { entries: vec![] })
            .await
            .code(),
        "bad_request"
    );
    let change = journal.change();
    assert_eq!(
        client
            .call(Method::POST, "/v1/journals", &[], encode(&change))
            .await
            .code(),
        "bad_request"
    );
    let (_, mut bob) = server.person("bob").await;
    assert_eq!(
        bob.post("/v1/journals", &journal.genesis).await.code(),
        "forbidden",
        "it is another creator's"
    );
    let close = journal.entry(Kind::Close, &[], &[]);
    client.done(&mut journal, &close).await;
    assert_eq!(
        refused(&client.append(id, &[journal.change()]).await),
        "journal_closed"
    );
    let closed = client
        .put(&journal, crannog_proto::BlobId::of(b"x"), b"x".to_vec())
        .await;
    assert_eq!(closed.code(), "journal_closed");
    server.stop().await;
}

#[tokio::test]
async fn a_rekey_ends_the_old_tokens() {
    let server = TestServer::start().await;
    let (_, mut client) = server.person("alice").await;
    let mut journal = client.create().await;
    let blob = client.put_ok(&journal, b"blob".to_vec()).await;
    let add = journal.entry(Kind::Change, &[blob], &[]);
    client.done(&mut journal, &add).await;
    // A rekey and the first change of the next epoch, in one request.
    let next = Epoch::new();
    let rekey = journal.rekey(&next);
    journal.saw(&rekey);
    let old = std::mem::replace(&mut journal.epoch, next);
    journal.number = 1;
    let change = journal.change();
    let results = client.append(journal.id, &[rekey.clone(), change.clone()]).await;
    assert!(
        matches!(results.as_slice(), [AppendResult::Done(_), AppendResult::Done(_)]),
        "{results:?}"
    );
    journal.saw(&change);
    let again = client.append(journal.id, &[rekey, change]).await;
    assert_eq!(again, results);

    let dead: crannog_proto::api::Page = client.page(journal.id, "", &old.token).await.read();
    assert_eq!(
        dead.entries.len(),
        3,
        "its own epoch, and the rekey that ended it"
    );
    assert_eq!(dead.last.seq, 2);
    assert_eq!(
        client.blob(journal.id, blob, &old.token).await.code(),
        "forbidden"
    );
    assert_eq!(
        client.blob(journal.id, blob, &journal.epoch.token).await.body,
        b"blob"[..]
    );
    let grant = client.grant(journal.id, 0, &old);
    let path = format!("/v1/journals/{}/blobs/{blob}", journal.id);
    let stale = client
        .call(Method::PUT, &path, &[("crannog-write", &grant)], b"blob".to_vec())
        .await;
    assert_eq!(stale.code(), "stale_epoch");
    assert_eq!(client.pages(&journal, "").await.entries.len(), 4);
    server.stop().await;
}
