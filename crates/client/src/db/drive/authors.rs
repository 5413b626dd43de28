//! Who put how much into a drive.

use std::collections::HashMap;

use crannog_proto::AccountId;

use super::super::DbError;
use super::super::journals::from_sql;
use super::DriveStore;

impl DriveStore<'_> {
    /// Bytes of all versions by the account that wrote them.
    pub(crate) fn bytes_by_author(&self) -> Result<HashMap<AccountId, u64>, DbError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT account, size FROM versions WHERE drive = ?1")?;
        let mut rows = statement.query([self.drive])?;
        // Added up here: SQLite would sort all versions in memory first, to group them.
        let mut bytes: HashMap<AccountId, u64> = HashMap::new();
        while let Some(row) = rows.next()? {
            let sum = bytes.entry(AccountId(row.get(0)?)).or_default();
            *sum = sum.saturating_add(from_sql(row.get(1)?));
        }
        Ok(bytes)
    }
}
