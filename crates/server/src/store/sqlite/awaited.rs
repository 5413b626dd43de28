//! Sigchains that others gave back after a restore. Those who follow them find them in the directory; the account stays as it was restored
//! until a device of its own comes with the secrets, so that its words still open what the server has.

use crannog_proto::sigchain::SignedLink;
use crannog_proto::{AccountId, ErrorCode, decode, encode};
use rusqlite::{Connection, OptionalExtension, params};

use super::{AccountKey, Result, accounts, bytes, damaged, failed};
use crate::store::{GivenChain, Sigchain, StoreError};

/// Chains of accounts that the server does not know cost it this much at most: so many, each of so many bytes.
const STRANGERS: u64 = 1_024;
const STRANGER_MAX: usize = 64 * 1024;
/// So many of them one account gives: nobody keeps all others out.
const SHARE: u64 = 64;

pub(super) fn keep(db: &Connection, given: &GivenChain, known: bool) -> Result<()> {
    let links = encode(&given.links);
    if !known {
        let full = strangers(db)? >= STRANGERS || given_by(db, given)? >= SHARE;
        if links.len() > STRANGER_MAX || full {
            return Err(StoreError::Refused(ErrorCode::StorageFull));
        }
        db.execute(
            "INSERT OR IGNORE INTO strangers (account, giver) VALUES (?1, ?2)",
            params![given.account.0, given.by.0],
        )
        .map_err(failed)?;
    }
    db.execute(
        "INSERT OR REPLACE INTO awaited (account, name, links) VALUES (?1, ?2, ?3)",
        params![given.account.0, given.name, links],
    )
    .map(drop)
    .map_err(failed)
}

fn strangers(db: &Connection) -> Result<u64> {
    db.query_row(
        "SELECT count(*) FROM awaited w WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.account = w.account)",
        [],
        |row| super::uint(row, 0),
    )
    .map_err(failed)
}

/// How many others of such accounts the same one gave back, which may wait still.
fn given_by(db: &Connection, given: &GivenChain) -> Result<u64> {
    db.query_row(
        "SELECT count(*) FROM strangers s JOIN awaited w ON w.account = s.account WHERE s.giver = ?1 AND s.account != ?2",
        params![given.by.0, given.account.0],
        |row| super::uint(row, 0),
    )
    .map_err(failed)
}

pub(super) fn sigchain(db: &Connection, account: &AccountId) -> Result<Option<Sigchain>> {
    let found = db
        .prepare_cached("SELECT name, links FROM awaited WHERE account = ?1")
        .and_then(|mut select| {
            select
                .query_row([account.0], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
                })
                .optional()
        })
        .map_err(failed)?;
    let Some((name, links)) = found else {
        return Ok(None);
    };
    let links = decode(&links).map_err(|_| damaged("awaited"))?;
    Ok(Some(Sigchain { name, links }))
}

/// What the account itself has said by now is not awaited any more.
pub(super) fn settle(db: &Connection, key: AccountKey) -> Result<()> {
    let Some(account) = accounts::account(db, "id", &key.0)? else {
        return Ok(());
    };
    let create = account.links.first().ok_or_else(|| damaged("links"))?;
    let id = create.account_id();
    let Some(waits) = sigchain(db, &id)? else {
        return Ok(());
    };
    let more = waits.links.len() > account.links.len() && waits.links.starts_with(&account.links);
    match more {
        true => Ok(()),
        false => forget(db, &id),
    }
}

pub(super) fn forget(db: &Connection, account: &AccountId) -> Result<()> {
    for table in ["awaited", "strangers"] {
        db.execute(&format!("DELETE FROM {table} WHERE account = ?1"), [account.0])
            .map_err(failed)?;
    }
    Ok(())
}

/// What cannot be, for `fsck`.
pub(super) fn check(db: &Connection) -> Result<Vec<String>> {
    let mut select = db.prepare("SELECT account, links FROM awaited").map_err(failed)?;
    let rows = select
        .query_map([], |row| {
            let account = AccountId(bytes(row, 0)?);
            let links = decode::<Vec<SignedLink>>(&row.get::<_, Vec<u8>>(1)?).unwrap_or_default();
            let its = links.first().map(SignedLink::account_id) == Some(account);
            Ok((!its).then_some(account))
        })
        .map_err(failed)?;
    let found: Vec<Option<AccountId>> = rows.collect::<rusqlite::Result<_>>().map_err(failed)?;
    Ok(found
        .into_iter()
        .flatten()
        .map(|account| format!("the sigchain that waits for the account {account} is not its own"))
        .collect())
}
