//! Sigchains of deleted accounts: member lists and entries of others cite them for ever.

use crannog_proto::sigchain::SignedLink;
use crannog_proto::{AccountId, decode, encode};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::{Result, bytes, damaged, failed};
use crate::store::Sigchain;

/// Keeps an account's sigchain, which is about to be deleted; a `closed` one keeps its name too.
pub(super) fn keep(db: &Connection, id: i64, closed: bool) -> Result<()> {
    // Their bytes as they are: a damaged one does not keep an operator from deleting the account.
    let mut select = db
        .prepare("SELECT link FROM links WHERE account = ?1 ORDER BY seq")
        .map_err(failed)?;
    let links = select.query_map([id], |row| row.get(0)).map_err(failed)?;
    let links: Vec<Vec<u8>> = links.collect::<rusqlite::Result<_>>().map_err(failed)?;
    let count = u32::try_from(links.len()).map_err(|_| damaged("links"))?;
    let encoded = [encode(&count), links.concat()].concat();
    db.execute(
        "INSERT INTO departed (account, name, links, closed) SELECT account, name, ?2, ?3 FROM accounts WHERE id = ?1",
        params![id, encoded, closed],
    )
    .map_err(failed)?;
    Ok(())
}

pub(super) fn is_departed(db: &Connection, account: &AccountId) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM departed WHERE account = ?1")
        .and_then(|mut select| select.exists([account.0]))
        .map_err(failed)
}

pub(super) fn sigchain(db: &Connection, account: &AccountId) -> Result<Option<Sigchain>> {
    one(
        db,
        "SELECT name, links FROM departed WHERE account = ?1",
        &account.0,
    )
}

/// Of the account whose owner closed it, by the name that nobody gets again.
pub(super) fn closed(db: &Connection, name: &str) -> Result<Option<Sigchain>> {
    one(
        db,
        "SELECT name, links FROM departed WHERE name = ?1 AND closed = 1",
        &name,
    )
}

fn one(db: &Connection, sql: &'static str, key: &dyn ToSql) -> Result<Option<Sigchain>> {
    let found = db
        .prepare_cached(sql)
        .and_then(|mut select| {
            select
                .query_row([key], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
                })
                .optional()
        })
        .map_err(failed)?;
    let Some((name, links)) = found else {
        return Ok(None);
    };
    let links = decode(&links).map_err(|_| damaged("departed"))?;
    Ok(Some(Sigchain { name, links }))
}

/// What cannot be, for `fsck`.
pub(super) fn check(db: &Connection) -> Result<Vec<String>> {
    let broken = |row: &Row<'_>| {
        let account = AccountId(bytes(row, 0)?);
        let links = decode::<Vec<SignedLink>>(&row.get::<_, Vec<u8>>(1)?).unwrap_or_default();
        let its = links.first().map(SignedLink::account_id) == Some(account);
        let back: bool = row.get(2)?;
        Ok((!its || back).then_some(account))
    };
    let mut select = db
        .prepare(
            "SELECT account, links, EXISTS (SELECT 1 FROM accounts a WHERE a.account = d.account) FROM departed d",
        )
        .map_err(failed)?;
    let rows = select.query_map([], broken).map_err(failed)?;
    let found: Vec<Option<AccountId>> = rows.collect::<rusqlite::Result<_>>().map_err(failed)?;
    Ok(found
        .into_iter()
        .flatten()
        .map(|account| format!("the sigchain kept of the deleted account {account} is not that"))
        .collect())
}
