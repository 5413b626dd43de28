//! SQLite keeps the contract, and refuses what a newer server wrote.

use super::{SchemaError, SqliteStore};
use crate::store::contract::contract;

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
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(
        SqliteStore::open(&path),
        Err(SchemaError::Newer { found: 99, known: 1 })
    ));
}
