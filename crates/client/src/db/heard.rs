//! When each device was last heard, by its own signature: no server can renew that (CHK-025).

use std::collections::HashMap;

use crannog_proto::{AccountId, DeviceId};
use rusqlite::Connection;

use super::DbError;

/// Reads and notes when devices were heard.
pub(crate) struct Heard<'a>(pub(crate) &'a Connection);

impl Heard<'_> {
    /// `device` signed an entry at `time`, milliseconds since 1970. An older word than the newest changes nothing.
    pub(crate) fn note(&self, account: &AccountId, device: &DeviceId, time: i64) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT INTO heard (account, device, time) VALUES (?1, ?2, ?3)
                 ON CONFLICT (account, device) DO UPDATE SET time = max(time, ?3)",
            )?
            .execute((account.as_bytes().as_slice(), device.0.as_slice(), time))?;
        Ok(())
    }

    /// The devices of an account that were ever heard.
    pub(crate) fn of(&self, account: &AccountId) -> Result<HashMap<DeviceId, i64>, DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT device, time FROM heard WHERE account = ?1")?;
        let rows = statement.query_map([account.as_bytes().as_slice()], |row| {
            Ok((DeviceId(row.get(0)?), row.get(1)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
