//! SQLite keeps the contract, takes over what older servers wrote, and refuses what a newer one did.

use std::path::Path;

use crannog_proto::chain::next_head;
use crannog_proto::sigchain::SignedLink;
use crannog_proto::{BlobId, Hash, encode};
use rusqlite::{Connection, params};

use super::{SchemaError, SqliteStore};
use crate::clock::Hour;
use crate::store::contract::contract;
use crate::store::contract::fixtures::{Person, noise, random, secrets};
use crate::store::{FileName, NewDrop, Operator, Store};

#[tokio::test]
async fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("db")).unwrap();
    contract(store).await;
}

#[test]
fn refuses_a_newer_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(SqliteStore::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(
        SqliteStore::open(&path),
        Err(SchemaError::Newer { found: 99, known: 3 })
    ));
}

/// A database as version 1 left it: one account with its home and a blob there.
fn version_1(path: &Path, person: &Person, file: FileName, blob: BlobId) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(include_str!("v1.sql")).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    let (home, epoch) = (&person.home, person.home.epoch.public());
    let genesis = &home.genesis;
    let entry = crannog_proto::decode::<crannog_proto::Header>(&genesis.header)
        .unwrap()
        .entry;
    db.execute(
        "INSERT INTO accounts VALUES (7, ?1, ?2, ?3, ?4, 1000000, 500, 0, 490000)",
        params![
            person.create.account_id().0,
            person.name,
            person.root.public().0,
            home.id.0
        ],
    )
    .unwrap();
    db.execute("INSERT INTO links VALUES (7, 0, ?1)", [encode(&person.create)])
        .unwrap();
    let key = person.device.public().0;
    db.execute(
        "INSERT INTO devices VALUES (7, ?1, ?2)",
        params![person.device_id.0, key],
    )
    .unwrap();
    let sealed = encode(&secrets(0, person.device_id));
    db.execute("INSERT INTO generations VALUES (7, 0, ?1)", [sealed])
        .unwrap();
    let head = next_head(&Hash::ZERO, 0, &genesis.header).0;
    db.execute(
        "INSERT INTO journals VALUES (3, ?1, 7, 0, 0, ?2, NULL, 0)",
        params![home.id.0, head],
    )
    .unwrap();
    db.execute(
        "INSERT INTO epochs VALUES (3, 0, ?1, ?2, ?3, ?4, 0, NULL)",
        params![
            epoch.read_token_hash.0,
            epoch.append_key.0,
            epoch.write_key.0,
            epoch.admin_key.0
        ],
    )
    .unwrap();
    db.execute(
        "INSERT INTO entries VALUES (3, 0, ?1, ?2, ?3, ?4, ?5, 0)",
        params![entry.0, head, genesis.header, genesis.signature.0, genesis.body],
    )
    .unwrap();
    db.execute(
        "INSERT INTO files VALUES (1, ?1, ?2, 7, 500, 1, 1, 1)",
        params![file.0, blob.0],
    )
    .unwrap();
    db.execute("INSERT INTO blobs VALUES (3, ?1, 1, 0, NULL)", [blob.0])
        .unwrap();
}

#[tokio::test]
async fn takes_over_version_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let (alice, file, blob) = (Person::new("alice"), FileName(random()), BlobId(random()));
    version_1(&path, &alice, file, blob);
    for _ in 0..2 {
        let store = SqliteStore::open(&path).unwrap();
        let account = store.account_named("alice".to_owned()).await.unwrap().unwrap();
        assert_eq!(
            account.links.first().map(SignedLink::hash),
            Some(alice.create.hash())
        );
        assert_eq!((account.home, account.used), (alice.home.id, 500));
        assert_eq!(store.generations(account.key).await.unwrap().len(), 1);
        let rows = store.entries(alice.home.id, 0, 0, 9).await.unwrap();
        assert_eq!(rows[0].entry, alice.home.genesis);
        assert_eq!(store.blob(alice.home.id, blob).await.unwrap().unwrap().name, file);
        let drop = NewDrop {
            id: [1; 16],
            account: alice.create.account_id(),
            sealed: noise(4_096),
            expires: Hour(500_000),
        };
        store.put_drop(drop).await.unwrap();
        assert_eq!(store.drops(account.key, Hour(499_999)).await.unwrap().len(), 1);
        assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
        store.close().await.unwrap();
        let version = Connection::open(&path)
            .unwrap()
            .query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0));
        assert_eq!(version.unwrap(), 3);
    }
    let store = SqliteStore::open(&path).unwrap();
    let freed = store.delete_account("alice".to_owned()).await.unwrap();
    assert_eq!(freed, Some(vec![file]));
    let kept = store.sigchain(alice.create.account_id()).await.unwrap().unwrap();
    assert_eq!(kept.links, [alice.create]);
}

#[tokio::test]
async fn fsck_sees_what_cannot_be_in_an_inbox() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SqliteStore::open(&path).unwrap();
    let db = Connection::open(&path).unwrap();
    db.execute(
        "INSERT INTO inbox VALUES (9, 1, ?1, ?2, 600000)",
        params![[1_u8; 16], [0_u8; 5]],
    )
    .unwrap();
    db.execute(
        "INSERT INTO departed VALUES (?1, 'eve', ?2, 0)",
        params![[2_u8; 32], encode::<Vec<SignedLink>>(&Vec::new())],
    )
    .unwrap();
    let found = store.check().await.unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
}
