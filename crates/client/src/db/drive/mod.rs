//! A drive's fold in SQLite: the second implementation of [`DriveState`](crannog_core::drive::DriveState) beside core's in memory.

mod authors;
mod changes;
mod forest;
mod mounts;
mod names;
mod packs;
mod query;
mod search;
mod state;

use crannog_core::drive::Attrs;
use rusqlite::{Connection, Row};

use super::DbError;

pub(crate) use forest::{Forest, Found, Met, Opened, Seen, Share};
pub(crate) use mounts::{Mounts, Way};
pub(crate) use names::Names;
pub(crate) use packs::{MostlyDead, Packed};
pub(crate) use query::{NodeRow, RowKind, UsageTotals};

/// One drive in an open transaction.
pub(crate) struct DriveStore<'a> {
    connection: &'a Connection,
    drive: i64,
    /// What vanished up to this place is not shown.
    forgotten: u64,
}

impl<'a> DriveStore<'a> {
    /// `drive` is the journal's local number.
    pub(crate) fn new(connection: &'a Connection, drive: i64) -> Self {
        Self {
            connection,
            drive,
            forgotten: 0,
        }
    }

    /// The same as if what vanished up to this place had been forgotten.
    pub(crate) fn without(self, forgotten: u64) -> Self {
        Self { forgotten, ..self }
    }

    /// Forgets the whole drive.
    pub(crate) fn clear(&self) -> Result<(), DbError> {
        for table in ["nodes", "names", "versions", "gone", "blob_refs"] {
            self.connection
                .execute(&format!("DELETE FROM {table} WHERE drive = ?1"), [self.drive])?;
        }
        Ok(())
    }
}

const KIND_DIRECTORY: i64 = 0;
const KIND_FILE: i64 = 1;
const KIND_SYMLINK: i64 = 2;

fn read_attrs(row: &Row<'_>, first: usize) -> rusqlite::Result<Attrs> {
    Ok(Attrs {
        mtime_s: row.get(first)?,
        mtime_ns: row.get(first + 1)?,
        mode: row.get(first + 2)?,
    })
}
