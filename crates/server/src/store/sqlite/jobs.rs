//! Jobs: who does one holds its lease, so that two processes never do the same at once.

use rusqlite::{Connection, params};

use super::operator::all;
use super::{Result, failed};
use crate::clock::Hour;
use crate::store::{Holder, JobRow};

/// Takes the lease, or makes it longer; says whether it is the holder's now.
pub(super) fn lease(db: &Connection, name: &str, holder: Holder, now: Hour, until: Hour) -> Result<bool> {
    let changed = db
        .execute(
            "INSERT INTO jobs (name, hour, holder, expires) VALUES (?1, ?3, ?2, ?4)
             ON CONFLICT (name) DO UPDATE SET hour = iif(holder IS ?2, hour, ?3),
                behind = iif(holder IS ?2, behind, behind + ?3 - hour), holder = ?2, expires = ?4
             WHERE expires IS NULL OR expires <= ?3 OR holder IS ?2",
            params![name, holder.0, now.0, until.0],
        )
        .map_err(failed)?;
    Ok(changed > 0)
}

/// Gives the lease back, if it is still the holder's, and keeps how it went.
pub(super) fn end(db: &Connection, name: &str, holder: Holder, now: Hour, success: bool) -> Result<()> {
    db.execute(
        "UPDATE jobs SET holder = NULL, expires = NULL, behind = iif(?4, hour - ?3, behind) WHERE name = ?1 AND holder IS ?2",
        params![name, holder.0, now.0, success],
    )
    .map_err(failed)?;
    Ok(())
}

/// Ends all leases: whoever had one is dead, for the data directory is locked by this process.
pub(super) fn end_all(db: &Connection) -> Result<()> {
    db.execute("UPDATE jobs SET holder = NULL, expires = NULL", [])
        .map_err(failed)?;
    Ok(())
}

pub(super) fn list(db: &Connection) -> Result<Vec<JobRow>> {
    all(
        db,
        "SELECT name, hour, hour - behind, expires FROM jobs ORDER BY name",
        [],
        |row| {
            Ok(JobRow {
                name: row.get(0)?,
                last_run: row.get::<_, Option<i64>>(1)?.map(Hour),
                last_success: row.get::<_, Option<i64>>(2)?.map(Hour),
                lease_until: row.get::<_, Option<i64>>(3)?.map(Hour),
            })
        },
    )
}
