//! Sigchains of deleted accounts: member lists and entries of others cite them for ever.

use crannog_proto::sigchain::SignedLink;
use crannog_proto::{AccountId, decode, encode};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Result, bytes, damaged, failed};
use crate::store::Sigchain;

/// Keeps an account's sigchain, which is about to be deleted.
pub(super) fn keep(db: &Connection, id: i64) -> Result<()> {
    // Their bytes as they are: a damaged one does not keep an operator from deleting the account.
    let mut select = db
        .prepare("SELECT link FROM links WHERE account = ?1 ORDER BY seq")
        .map_err(failed)?;
    let links = select.query_map([id], |row| row.get(0)).map_err(failed)?;
    let links: Vec<Vec<u8>> = links.collect::<rusqlite::Result<_>>().map_err(failed)?;
    let count = u32::try_from(links.len()).map_err(|_| damaged("links"))?;
    let encoded = [encode(&count), links.concat()].concat();
    db.execute(
        "INSERT INTO departed (account, name, links) SELECT account, name, ?2 FROM accounts WHERE id = ?1",
        params![id, encoded],
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
    let found = db
        .prepare_cached("SELECT name, links FROM departed WHERE account = ?1")
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
