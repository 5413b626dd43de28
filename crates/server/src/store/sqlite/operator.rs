//! What the operator asks for, and the jobs.

use crannog_proto::{Hash, sigchain::SignedLink};
use data_encoding::HEXLOWER;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    AccountKey, Result, accounts as rows, awaited, bytes, column, departed, failed, files, inbox, uint,
};
use crate::clock::Hour;
use crate::store::{AccountRow, Expiring, FileName, Inspection, InviteRow, JournalRow, NewInvite, Stats};

const ACCOUNT: &str = "SELECT a.name, a.account, a.quota, a.used, a.suspended, a.created,
    (SELECT count(*) FROM journals j WHERE j.creator = a.id), (SELECT count(*) FROM devices d WHERE d.account = a.id), a.id
    FROM accounts a";

pub(super) fn create_invite(db: &Connection, new: &NewInvite) -> Result<()> {
    db.execute(
        "INSERT INTO invites (hash, uses, used, expires, quota, revoked) VALUES (?1, ?2, 0, ?3, ?4, 0)",
        params![new.hash.0, new.uses, new.expires.0, super::int(new.quota)],
    )
    .map_err(failed)?;
    Ok(())
}

pub(super) fn invites(db: &Connection) -> Result<Vec<InviteRow>> {
    all(
        db,
        "SELECT lower(substr(hex(hash), 1, 12)), uses, used, expires, quota, revoked FROM invites ORDER BY expires",
        [],
        |row| {
            Ok(InviteRow {
                id: row.get(0)?,
                uses: row.get(1)?,
                used: row.get(2)?,
                expires: Hour(row.get(3)?),
                quota: uint(row, 4)?,
                revoked: row.get(5)?,
            })
        },
    )
}

pub(super) fn revoke_invite(db: &Connection, id: &str) -> Result<u64> {
    let changed = db
        .execute(
            "UPDATE invites SET revoked = 1 WHERE substr(lower(hex(hash)), 1, length(?1)) = lower(?1)",
            [id],
        )
        .map_err(failed)?;
    Ok(changed as u64)
}

pub(super) fn accounts(db: &Connection) -> Result<Vec<AccountRow>> {
    all(db, &format!("{ACCOUNT} ORDER BY a.name"), [], account_row)
}

fn account_row(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        name: row.get(0)?,
        account: HEXLOWER.encode(&bytes::<32>(row, 1)?),
        quota: uint(row, 2)?,
        used: uint(row, 3)?,
        suspended: row.get(4)?,
        created: Hour(row.get(5)?),
        journals: uint(row, 6)?,
        devices: uint(row, 7)?,
    })
}

pub(super) fn inspect(db: &Connection, name: &str) -> Result<Option<Inspection>> {
    let found = db
        .query_row(&format!("{ACCOUNT} WHERE a.name = ?1"), [name], |row| {
            Ok((account_row(row)?, row.get::<_, i64>(8)?))
        })
        .optional()
        .map_err(failed)?;
    let Some((account, id)) = found else {
        return Ok(None);
    };
    let links = rows::account(db, "id", &id)?
        .map(|account| account.links)
        .unwrap_or_default();
    Ok(Some(Inspection {
        account,
        links: links
            .iter()
            .map(SignedLink::hash)
            .map(|hash: Hash| hash.to_string())
            .collect(),
        devices: all(
            db,
            "SELECT lower(hex(device)) FROM devices WHERE account = ?1",
            [id],
            |row| row.get(0),
        )?,
        generations: rows::generations(db, AccountKey(id))?.len() as u64,
        sessions: all(
            db,
            "SELECT expires FROM sessions WHERE account = ?1 ORDER BY 1",
            [id],
            |row| row.get(0).map(Hour),
        )?,
        drops: inbox::count(db, id)?,
        journals: all(
            db,
            "SELECT lower(hex(journal)), epoch, last_seq, closed,
                (SELECT count(*) FROM blobs b WHERE b.journal = j.id AND b.dropped IS NULL),
                (SELECT count(*) FROM blobs b WHERE b.journal = j.id AND b.dropped IS NOT NULL),
                (SELECT count(*) FROM staged s WHERE s.journal = j.id)
             FROM journals j WHERE creator = ?1 ORDER BY id",
            [id],
            |row| {
                Ok(JournalRow {
                    journal: row.get(0)?,
                    epoch: uint(row, 1)?,
                    last_seq: uint(row, 2)?,
                    closed: row.get(3)?,
                    blobs: uint(row, 4)?,
                    dropped: uint(row, 5)?,
                    staged: uint(row, 6)?,
                })
            },
        )?,
    }))
}

pub(super) fn suspend(db: &Connection, name: &str, suspended: bool) -> Result<bool> {
    let changed = db
        .execute(
            "UPDATE accounts SET suspended = ?2 WHERE name = ?1",
            params![name, suspended],
        )
        .map_err(failed)?;
    Ok(changed > 0)
}

pub(super) fn set_quota(db: &Connection, name: &str, quota: u64) -> Result<bool> {
    let changed = db
        .execute(
            "UPDATE accounts SET quota = ?2 WHERE name = ?1",
            params![name, super::int(quota)],
        )
        .map_err(failed)?;
    Ok(changed > 0)
}

pub(super) fn delete_account(db: &Connection, name: &str) -> Result<Option<Vec<FileName>>> {
    let id: Option<i64> = db
        .query_row("SELECT id FROM accounts WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()
        .map_err(failed)?;
    id.map(|id| delete(db, id, false)).transpose()
}

/// Everything that an account made; what others cite of it is kept, and of a `closed` one the name.
pub(super) fn delete(db: &Connection, id: i64, closed: bool) -> Result<Vec<FileName>> {
    departed::keep(db, id, closed)?;
    let mine = "(SELECT id FROM journals WHERE creator = ?1)";
    for table in ["staged", "blobs", "epochs", "bodies", "entries"] {
        db.execute(&format!("DELETE FROM {table} WHERE journal IN {mine}"), [id])
            .map_err(failed)?;
    }
    // A file is shared among journals of one creator only.
    let freed = all(
        db,
        "DELETE FROM files WHERE owner = ?1 RETURNING name",
        [id],
        |row| row.get(0),
    )?;
    for table in ["links", "devices", "generations", "restored", "sessions", "inbox"] {
        db.execute(&format!("DELETE FROM {table} WHERE account = ?1"), [id])
            .map_err(failed)?;
    }
    db.execute("DELETE FROM journals WHERE creator = ?1", [id])
        .map_err(failed)?;
    db.execute("DELETE FROM accounts WHERE id = ?1", [id])
        .map_err(failed)?;
    Ok(freed)
}

pub(super) fn stats(db: &Connection) -> Result<Stats> {
    db.query_row(
        "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM sessions), (SELECT count(*) FROM journals),
            (SELECT count(*) FROM entries), (SELECT count(*) FROM files), (SELECT coalesce(sum(size), 0) FROM files),
            (SELECT coalesce(sum(used), 0) FROM accounts), (SELECT count(*) FROM staged),
            (SELECT count(*) FROM inbox), (SELECT count(*) FROM departed)",
        [],
        |row| {
            Ok(Stats {
                accounts: uint(row, 0)?,
                sessions: uint(row, 1)?,
                journals: uint(row, 2)?,
                entries: uint(row, 3)?,
                files: uint(row, 4)?,
                file_bytes: uint(row, 5)?,
                used: uint(row, 6)?,
                staged: uint(row, 7)?,
                drops: uint(row, 8)?,
                departed: uint(row, 9)?,
            })
        },
    )
    .map_err(failed)
}

pub(super) fn expire(db: &Connection, what: Expiring, now: Hour) -> Result<Vec<FileName>> {
    match what {
        Expiring::Leases => release(
            db,
            "DELETE FROM staged WHERE expires <= ?1 RETURNING file",
            now,
            true,
        ),
        Expiring::Dropped => release(
            db,
            "DELETE FROM blobs WHERE dropped IS NOT NULL AND dropped <= ?1 RETURNING file",
            now,
            false,
        ),
        Expiring::Inboxes => forget(db, "DELETE FROM inbox WHERE expires <= ?1", now.0),
        Expiring::Sessions => {
            forget(db, "DELETE FROM spent WHERE hour < ?1", now.0 - 1)?;
            forget(db, "DELETE FROM sessions WHERE expires <= ?1", now.0)
        }
        Expiring::Invites => forget(db, "DELETE FROM invites WHERE expires <= ?1", now.0 - 24 * 30),
    }
}

fn release(db: &Connection, sql: &str, now: Hour, counted: bool) -> Result<Vec<FileName>> {
    let mut freed = Vec::new();
    for file in column(db, sql, &[now.0])? {
        freed.extend(files::release(db, file, counted)?);
    }
    Ok(freed)
}

fn forget(db: &Connection, sql: &str, until: i64) -> Result<Vec<FileName>> {
    db.execute(sql, [until]).map_err(failed)?;
    Ok(Vec::new())
}

pub(super) fn check(db: &Connection) -> Result<Vec<String>> {
    let mut found: Vec<String> = all(db, "PRAGMA integrity_check(100)", [], |row| row.get(0))?;
    found.retain(|line| line != "ok");
    let counts: Vec<String> = all(
        db,
        "SELECT lower(hex(f.name)) FROM files f WHERE refs <> (SELECT count(*) FROM blobs b WHERE b.file = f.id)
            + (SELECT count(*) FROM staged s WHERE s.file = f.id)
         OR live <> (SELECT count(*) FROM blobs b WHERE b.file = f.id AND b.dropped IS NULL)
            + (SELECT count(*) FROM staged s WHERE s.file = f.id)",
        [],
        |row| row.get(0),
    )?;
    found.extend(
        counts
            .into_iter()
            .map(|name| format!("the file {name} is counted wrong")),
    );
    found.extend(inbox::check(db)?);
    found.extend(departed::check(db)?);
    found.extend(awaited::check(db)?);
    Ok(found)
}

pub(super) fn all<T, P: rusqlite::Params>(
    db: &Connection,
    sql: &str,
    values: P,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut select = db.prepare(sql).map_err(failed)?;
    let rows = select.query_map(values, read).map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}
