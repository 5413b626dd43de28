//! The tables, by version; `PRAGMA user_version` says which one a file has.

use rusqlite::Connection;

/// Each step leads from its index to the next version.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("v1.sql"),
    include_str!("v2.sql"),
    include_str!("v3.sql"),
];

/// Made where it is missing: no part of the layout either.
pub(super) const HEALING: &str = include_str!("healing.sql");

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A newer server wrote it.
    #[error(
        "the database has version {found}, this server knows {known}: a newer server wrote it, downgrading is not possible"
    )]
    Newer {
        /// What the file says.
        found: usize,
        /// What this server knows.
        known: usize,
    },
    /// SQLite.
    #[error("the database cannot be opened: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// Brings the database to the newest version, each step in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    let found: usize = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))? as usize;
    let known = MIGRATIONS.len();
    if found > known {
        return Err(SchemaError::Newer { found, known });
    }
    for (at, step) in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", at + 1)?;
        transaction.commit()?;
    }
    connection.execute_batch(include_str!("jobs.sql"))?;
    connection.execute_batch(HEALING)?;
    Ok(())
}
