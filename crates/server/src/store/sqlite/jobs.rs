//! Jobs: who does one holds its lease, so that two processes never do the same at once.

use rusqlite::{Connection, params};

use super::operator::all;
use super::{Result, failed};
use crate::store::{Holder, JobRow};

/// Takes the lease, or makes it longer; says whether it is the holder's now.
pub(super) fn lease(db: &Connection, name: &str, holder: Holder, now: i64, until: i64) -> Result<bool> {
    let changed = db
        .execute(
            "INSERT INTO jobs (name, last_run, holder, lease_until) VALUES (?1, ?3, ?2, ?4)
             ON CONFLICT (name) DO UPDATE SET last_run = iif(holder IS ?2, last_run, ?3), holder = ?2, lease_until = ?4
             WHERE lease_until <= ?3 OR holder IS ?2",
            params![name, holder.0, now, until],
        )
        .map_err(failed)?;
    Ok(changed > 0)
}

/// Gives the lease back, if it is still the holder's, and keeps how it went.
pub(super) fn end(db: &Connection, name: &str, holder: Holder, now: i64, success: bool) -> Result<()> {
    db.execute(
        "UPDATE jobs SET holder = NULL, lease_until = 0, last_success = iif(?4, ?3, last_success)
         WHERE name = ?1 AND holder IS ?2",
        params![name, holder.0, now, success],
    )
    .map_err(failed)?;
    Ok(())
}

/// Ends all leases: whoever had one is dead, for the data directory is locked by this process.
pub(super) fn end_all(db: &Connection) -> Result<()> {
    db.execute("UPDATE jobs SET holder = NULL, lease_until = 0", [])
        .map_err(failed)?;
    Ok(())
}

pub(super) fn list(db: &Connection) -> Result<Vec<JobRow>> {
    all(
        db,
        "SELECT name, last_run, last_success, iif(lease_until > 0, lease_until, NULL) FROM jobs ORDER BY name",
        [],
        |row| {
            Ok(JobRow {
                name: row.get(0)?,
                last_run: row.get(1)?,
                last_success: row.get(2)?,
                lease_until: row.get(3)?,
            })
        },
    )
}
