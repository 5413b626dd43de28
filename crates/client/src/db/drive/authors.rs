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
            .prepare_cached("SELECT account, SUM(size) FROM versions WHERE drive = ?1 GROUP BY account")?;
        let rows = statement.query_map([self.drive], |row| {
            Ok((AccountId(row.get(0)?), from_sql(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
