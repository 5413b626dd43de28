//! Read secrets of epochs before one's own time, found by walking back from an invite's epoch.

use std::collections::HashMap;

use crannog_proto::JournalId;
use crannog_seal::schedule::ReadSecret;
use rusqlite::Connection;
use zeroize::Zeroizing;

use super::DbError;
use super::journals::{from_sql, to_sql};

/// Access to what was found.
pub(crate) struct EarlierKeys<'a>(pub(crate) &'a Connection);

impl EarlierKeys<'_> {
    pub(crate) fn save(&self, journal: &JournalId, epoch: u64, secret: &ReadSecret) -> Result<(), DbError> {
        let bytes = Zeroizing::new(crannog_proto::encode(secret));
        self.0
            .prepare_cached("INSERT OR REPLACE INTO walked (journal, epoch, secret) VALUES (?1, ?2, ?3)")?
            .execute((journal.as_bytes().as_slice(), to_sql(epoch), bytes.as_slice()))?;
        Ok(())
    }

    pub(crate) fn of(&self, journal: &JournalId) -> Result<HashMap<u64, ReadSecret>, DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT epoch, secret FROM walked WHERE journal = ?1")?;
        let mut rows = statement.query([journal.as_bytes().as_slice()])?;
        let mut found = HashMap::new();
        while let Some(row) = rows.next()? {
            let secret = Zeroizing::new(row.get::<_, Vec<u8>>(1)?);
            found.insert(from_sql(row.get(0)?), crannog_proto::decode(&secret)?);
        }
        Ok(found)
    }
}
