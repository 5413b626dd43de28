//! Who did what, as it was read.

use crannog_proto::{AccountId, DeviceId};
use rusqlite::{Connection, Row};

use super::DbError;
use super::journals::{from_sql, to_sql};

/// One entry in words.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) seq: u64,
    /// The author's clock, milliseconds since 1970, but never later than its reading.
    pub(crate) time: i64,
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    /// As the author called it.
    pub(crate) device_name: String,
    pub(crate) changes: Vec<String>,
    /// Changes that are not listed.
    pub(crate) more: u64,
}

/// Access to the history.
pub(crate) struct History<'a>(pub(crate) &'a Connection);

impl History<'_> {
    pub(crate) fn note(&self, journal: i64, deed: &Deed) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO history (journal, seq, time, account, device, device_name, changes, more)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute((
                journal,
                to_sql(deed.seq),
                deed.time,
                deed.account.as_bytes().as_slice(),
                deed.device.0.as_slice(),
                &deed.device_name,
                crannog_proto::encode(&deed.changes),
                to_sql(deed.more),
            ))?;
        Ok(())
    }

    /// The newest entries of one journal.
    pub(crate) fn of(&self, journal: i64, limit: u32) -> Result<Vec<Deed>, DbError> {
        let mut statement = self.0.prepare_cached(
            "SELECT seq, time, account, device, device_name, changes, more FROM history
             WHERE journal = ?1 ORDER BY seq DESC LIMIT ?2",
        )?;
        let mut rows = statement.query((journal, limit))?;
        let mut deeds = Vec::new();
        while let Some(row) = rows.next()? {
            deeds.push(read(row)?);
        }
        Ok(deeds)
    }

    /// What stands at one place.
    pub(crate) fn at(&self, journal: i64, seq: u64) -> Result<Option<Deed>, DbError> {
        let mut statement = self.0.prepare_cached(
            "SELECT seq, time, account, device, device_name, changes, more FROM history WHERE journal = ?1 AND seq = ?2",
        )?;
        let mut rows = statement.query((journal, to_sql(seq)))?;
        rows.next()?.map(read).transpose()
    }
}

fn read(row: &Row<'_>) -> Result<Deed, DbError> {
    let changes: Vec<u8> = row.get(5)?;
    Ok(Deed {
        seq: from_sql(row.get(0)?),
        time: row.get(1)?,
        account: AccountId(row.get(2)?),
        device: DeviceId(row.get(3)?),
        device_name: row.get(4)?,
        changes: crannog_proto::decode(&changes)?,
        more: from_sql(row.get(6)?),
    })
}
