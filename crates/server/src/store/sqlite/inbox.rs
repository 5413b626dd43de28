//! Inboxes: drops by recipient, nothing of who dropped them.

use crannog_proto::api::Drop;
use crannog_proto::{ErrorCode, limits};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Result, bytes, failed, uint};
use crate::clock::Hour;
use crate::store::{AccountKey, Dropped, NewDrop, StoreError};

pub(super) fn put(db: &Connection, new: &NewDrop) -> Result<Dropped> {
    let account: i64 = db
        .prepare_cached("SELECT id FROM accounts WHERE account = ?1")
        .and_then(|mut select| select.query_row([new.account.0], |row| row.get(0)).optional())
        .map_err(failed)?
        .ok_or(StoreError::Refused(ErrorCode::NotFound))?;
    // The same once more, because its answer was lost: it keeps its place and its hour. It is written again, so that the time
    // that this takes does not tell the sender whether the first was taken out.
    let before: Option<(i64, i64)> = db
        .prepare_cached("DELETE FROM inbox WHERE id = ?1 RETURNING nr, expires")
        .and_then(|mut delete| {
            delete
                .query_row([new.id], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(failed)?;
    if before.is_none() && count(db, account)? >= limits::INBOX_MAX as u64 {
        return Err(StoreError::Refused(ErrorCode::InboxFull));
    }
    let (nr, expires) = before.unzip();
    let expires = expires.unwrap_or(new.expires.0);
    db.prepare_cached(
        "INSERT INTO inbox (account, nr, id, sealed, expires)
         VALUES (?1, coalesce(?2, (SELECT 1 + coalesce(max(nr), 0) FROM inbox WHERE account = ?1)), ?3, ?4, ?5)",
    )
    .and_then(|mut insert| insert.execute(params![account, nr, new.id, new.sealed, expires]))
    .map_err(failed)?;
    Ok(Dropped {
        account: AccountKey(account),
        fresh: before.is_none(),
    })
}

pub(super) fn count(db: &Connection, account: i64) -> Result<u64> {
    db.prepare_cached("SELECT count(*) FROM inbox WHERE account = ?1")
        .and_then(|mut select| select.query_row([account], |row| uint(row, 0)))
        .map_err(failed)
}

pub(super) fn oldest(db: &Connection, key: AccountKey, now: Hour) -> Result<Vec<Drop>> {
    let mut select = db
        .prepare_cached(
            "SELECT id, sealed FROM inbox WHERE account = ?1 AND expires > ?2 ORDER BY nr LIMIT ?3",
        )
        .map_err(failed)?;
    let rows = select
        .query_map(params![key.0, now.0, limits::INBOX_PAGE], |row| {
            Ok(Drop {
                id: bytes(row, 0)?,
                sealed: row.get(1)?,
            })
        })
        .map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

pub(super) fn holds_any(db: &Connection, key: AccountKey, now: Hour) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM inbox WHERE account = ?1 AND expires > ?2")
        .and_then(|mut select| select.exists(params![key.0, now.0]))
        .map_err(failed)
}

pub(super) fn remove(db: &Connection, key: AccountKey, id: [u8; 16]) -> Result<()> {
    db.prepare_cached("DELETE FROM inbox WHERE id = ?2 AND account = ?1")
        .and_then(|mut delete| delete.execute(params![key.0, id]))
        .map_err(failed)?;
    Ok(())
}

/// What cannot be, for `fsck`.
pub(super) fn check(db: &Connection) -> Result<Vec<String>> {
    let counted = |rows: &str| {
        db.query_row(&format!("SELECT count(*) FROM inbox WHERE {rows}"), [], |row| {
            uint(row, 0)
        })
        .map_err(failed)
    };
    let [small, middle, large] = limits::DROP_SIZES;
    let mut found = Vec::new();
    for (rows, problem) in [
        (
            "account NOT IN (SELECT id FROM accounts)".to_owned(),
            "drops are in no account's inbox",
        ),
        (
            format!("length(sealed) NOT IN ({small}, {middle}, {large})"),
            "drops have none of the three sizes",
        ),
    ] {
        let wrong = counted(&rows)?;
        if wrong > 0 {
            found.push(format!("{wrong} {problem}"));
        }
    }
    Ok(found)
}
