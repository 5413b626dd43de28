//! The tables, and how an older file becomes a newer one.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{DbError, DriveStore};

/// One script per format; the file's `user_version` counts those that ran.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
    include_str!("migrations/0007.sql"),
    include_str!("migrations/0008.sql"),
];

/// The first format whose `blob_refs` say how much of a pack is named.
const COUNTS_PACKS: i64 = 6;

/// Brings the file up to date. An older file is copied to `NAME.format-N` first; a newer one is refused.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), DbError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(DbError::Newer { found, known });
    }
    if found == known {
        return Ok(());
    }
    if found > 0 {
        connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?;
        let mut copy = path.as_os_str().to_owned();
        copy.push(format!(".format-{found}"));
        std::fs::copy(path, copy)?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    for script in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(script)?;
    }
    if (1..COUNTS_PACKS).contains(&found) {
        count_blobs(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

fn count_blobs(connection: &Connection) -> Result<(), DbError> {
    let mut statement = connection.prepare("SELECT id FROM journals")?;
    let journals = statement.query_map([], |row| row.get(0))?;
    for journal in journals.collect::<Result<Vec<i64>, _>>()? {
        DriveStore::new(connection, journal).count_blobs()?;
    }
    Ok(())
}
