//! Putting and reading blobs.

use crannog_proto::api::{Append, AppendResult, Appended};
use crannog_proto::{BlobId, Body, Hash, Kind, Place, encode, limits};
use http::{Method, StatusCode};

use crate::TestServer;
use crate::client::{hex, refused};
use crate::fixtures::{Epoch, Journal, noise};

#[tokio::test]
async fn put_append_read() {
    let server = TestServer::start().await;
    let (_, mut client) = server.person("alice").await;
    let mut journal = client.create().await;
    for size in [1, 600_000, 4 << 20, limits::BLOB_MAX] {
        let bytes = noise(size);
        let id = client.put_ok(&journal, bytes.clone()).await;
        assert_eq!(
            client.blob(journal.id, id, &journal.epoch.token).await.code(),
            "not_found",
            "staged only"
        );
        let add = journal.entry(Kind::Change, &[id], &[]);
        client.done(&mut journal, &add).await;
        let answer = client.blob(journal.id, id, &journal.epoch.token).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body == bytes);
    }
    let missing = BlobId::of(b"never sent");
    let entry = journal.entry(Kind::Change, &[missing], &[]);
    assert_eq!(
        client.append(journal.id, &[entry]).await,
        [AppendResult::Missing(vec![missing])]
    );

    // A body in blobs.
    let body = noise(5 << 20);
    let mut parts = Vec::new();
    for part in body.chunks(4 << 20) {
        parts.push(client.put_ok(&journal, part.to_vec()).await);
    }
    let mut header = journal.header(Kind::Change);
    let len = u32::try_from(body.len()).unwrap();
    header.body = Body {
        hash: Hash::plain(&body),
        len,
        place: Place::Blobs(parts.clone()),
    };
    let entry = journal.seal(&header);
    client.done(&mut journal, &entry).await;
    assert_eq!(
        client
            .blob(journal.id, parts[1], &journal.epoch.token)
            .await
            .body
            .len(),
        1 << 20
    );
    server.stop().await;
}

#[tokio::test]
async fn refusals() {
    let server = TestServer::start().await;
    let (_, mut client) = server.person("alice").await;
    let journal = client.create().await;
    let id = BlobId::of(b"right");
    assert_eq!(
        client.put(&journal, id, b"wrong".to_vec()).await.code(),
        "blob_mismatch"
    );
    let long = noise(limits::BLOB_MAX + 1);
    assert_eq!(
        client.put(&journal, BlobId::of(&long), long.clone()).await.code(),
        "too_large"
    );
    let mut client = server.client().await;
    let path = format!("/v1/journals/{}/blobs/{id}", journal.id);
    assert_eq!(
        client
            .call(Method::PUT, &path, &[], b"right".to_vec())
            .await
            .code(),
        "unauthorized"
    );
    let (_, mut client) = server.person("bob").await;
    assert_eq!(
        client
            .call(Method::PUT, &path, &[], b"right".to_vec())
            .await
            .code(),
        "forbidden"
    );
    let grant = client.grant(journal.id, 0, &Epoch::new());
    let wrong = client
        .call(
            Method::PUT,
            &path,
            &[("crannog-write", &grant)],
            b"right".to_vec(),
        )
        .await;
    assert_eq!(wrong.code(), "forbidden");
    let nonsense = client
        .call(Method::PUT, &path, &[("crannog-write", "1")], b"right".to_vec())
        .await;
    assert_eq!(nonsense.code(), "bad_request");
    assert_eq!(
        client.put(&Journal::new(), id, b"right".to_vec()).await.code(),
        "not_found"
    );
    // A grant is bound to its session.
    let grant = client.grant(journal.id, 0, &journal.epoch);
    let (_, mut carol) = server.person("carol").await;
    let stolen = carol
        .call(
            Method::PUT,
            &path,
            &[("crannog-write", &grant)],
            b"right".to_vec(),
        )
        .await;
    assert_eq!(stolen.code(), "forbidden");
    let good = client
        .call(
            Method::PUT,
            &path,
            &[("crannog-write", &grant)],
            b"right".to_vec(),
        )
        .await;
    assert_eq!(good.status, StatusCode::NO_CONTENT);
    assert_eq!(
        client.blob(journal.id, id, &journal.epoch.token).await.code(),
        "not_found"
    );
    let folder = server.stop().await;
    let files = walk(&folder.path().join("blobs"));
    assert_eq!(files.len(), 1, "what was refused left nothing: {files:?}");
}

pub(crate) fn walk(root: &std::path::Path) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(root).unwrap().map(|item| item.unwrap().path());
    folders
        .flat_map(|folder| {
            std::fs::read_dir(folder)
                .unwrap()
                .map(|item| item.unwrap().path())
        })
        .collect()
}

#[tokio::test]
async fn quota_counts_what_is_staged() {
    let server = TestServer::start().await;
    let (_, mut client) = server.person_with_quota("alice", 1 << 20).await;
    let mut journal = client.create().await;
    let id = client.put_ok(&journal, noise(900_000)).await;
    let more = noise(300_000);
    assert_eq!(
        client.put(&journal, BlobId::of(&more), more.clone()).await.code(),
        "quota"
    );
    let add = journal.entry(Kind::Change, &[id], &[]);
    client.done(&mut journal, &add).await;
    let filler = noise((1 << 20) - 900_000 - 4_000);
    let filler = client.put_ok(&journal, filler).await;
    let mut entry = journal.header(Kind::Change);
    entry.adds = vec![filler];
    let big = noise(16_000);
    entry.body = crate::fixtures::inline(&big);
    let entry = crate::fixtures::seal(&entry, &journal.epoch.write, &big);
    assert_eq!(refused(&client.append(journal.id, &[entry]).await), "quota");
    let drop = journal.entry(Kind::Change, &[], &[id]);
    client.done(&mut journal, &drop).await;
    assert_eq!(
        client.put(&journal, BlobId::of(&more), more).await.status,
        StatusCode::NO_CONTENT
    );
    server.stop().await;
}

#[tokio::test]
async fn blobs_move_between_journals_of_one_creator() {
    let server = TestServer::start().await;
    let (_, mut client) = server.person("alice").await;
    let (mut from, to) = (client.create().await, client.create().await);
    let id = client.put_ok(&from, b"shared".to_vec()).await;
    let add = from.entry(Kind::Change, &[id], &[]);
    client.done(&mut from, &add).await;
    let take = to.entry(Kind::Change, &[id], &[]);
    assert_eq!(
        client.append(to.id, std::slice::from_ref(&take)).await,
        [AppendResult::Missing(vec![id])]
    );
    let (_, mut bob) = server.person("bob").await;
    let foreign = bob.create().await;
    let grab = foreign.entry(Kind::Change, &[id], &[]);
    let token = hex(&from.epoch.token);
    for (client, journal, entry, good) in [(&mut bob, &foreign, grab, false), (&mut client, &to, take, true)]
    {
        let path = format!("/v1/journals/{}/entries", journal.id);
        let body = encode(&Append { entries: vec![entry] });
        let tokens = format!("{}, {token}", hex(&[0; 32]));
        let answer = client
            .call(Method::POST, &path, &[("crannog-read", &tokens)], body)
            .await;
        let results = answer.read::<Appended>().results;
        assert_eq!(
            matches!(results.as_slice(), [AppendResult::Done(_)]),
            good,
            "{results:?}"
        );
    }
    assert_eq!(client.blob(to.id, id, &to.epoch.token).await.body, b"shared"[..]);
    server.stop().await;
}

#[tokio::test]
async fn a_damaged_file_can_be_put_once_more() {
    let server = TestServer::start().await;
    let (_, mut client) = server.person("alice").await;
    let mut journal = client.create().await;
    let id = client.put_ok(&journal, b"content".to_vec()).await;
    let add = journal.entry(Kind::Change, &[id], &[]);
    client.done(&mut journal, &add).await;
    for file in walk(&server.folder.path().join("blobs")) {
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(
        client.blob(journal.id, id, &journal.epoch.token).await.code(),
        "not_found"
    );
    client.put_ok(&journal, b"content".to_vec()).await;
    let add = journal.entry(Kind::Change, &[id], &[]);
    client.done(&mut journal, &add).await;
    assert_eq!(
        client.blob(journal.id, id, &journal.epoch.token).await.body,
        b"content"[..]
    );
    server.stop().await;
}

#[tokio::test]
async fn what_a_crash_spoiled_is_missing() {
    let server = TestServer::start().await;
    let (person, mut client) = server.person("alice").await;
    let journal = client.create().await;
    let gone = client.put_ok(&journal, noise(10)).await;
    let whole = client.put_ok(&journal, noise(5_000)).await;
    let zeros = client.put_ok(&journal, noise(7_000)).await;
    drop(client);
    let folder = server.stop().await;
    for file in walk(&folder.path().join("blobs")) {
        match std::fs::metadata(&file).unwrap().len() {
            10 => std::fs::remove_file(file).unwrap(),
            7_000 => std::fs::write(file, vec![0; 7_000]).unwrap(),
            _ => std::fs::write(
                {
                    let name = file.file_name().unwrap().to_str().unwrap();
                    file.with_file_name(format!("{}{}", name.get(..2).unwrap(), "0".repeat(30)))
                },
                b"orphan",
            )
            .unwrap(),
        }
    }
    let server = TestServer::start_in(folder, |_| ()).await;
    assert_eq!(
        walk(&server.folder.path().join("blobs")).len(),
        2,
        "the orphan is gone"
    );
    let mut client = server.client().await;
    client.login(&person).await;
    let mut lost = vec![gone, zeros];
    lost.sort_unstable();
    let add = journal.entry(Kind::Change, &[gone, whole, zeros], &[]);
    assert_eq!(
        client.append(journal.id, &[add]).await,
        [AppendResult::Missing(lost)]
    );
    let add = journal.entry(Kind::Change, &[whole], &[]);
    assert!(matches!(
        client.append(journal.id, &[add]).await.as_slice(),
        [AppendResult::Done(_)]
    ));
    server.stop().await;
}
