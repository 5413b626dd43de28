//! Accounts and sigchains that a restored server takes back.

use crannog_proto::sigchain::{DeviceEnvelope, GenerationSecrets, SignedLink};
use crannog_proto::{ErrorCode, decode, encode};
use rusqlite::{Connection, params};

use super::{AccountKey, Result, accounts, awaited, damaged, departed, failed, healing, journals, operator};
use crate::store::{ChainTaken, GivenBack, GivenChain, StoreError};

/// False if the chain no longer ends where it did.
pub(super) fn account(db: &Connection, given: &GivenBack) -> Result<bool> {
    demand_healing(db)?;
    let stored = accounts::account(db, "account", &given.account.0)?;
    if stored
        .as_ref()
        .and_then(|account| account.links.last())
        .map(SignedLink::hash)
        != given.on
    {
        return Ok(false);
    }
    let key = match stored {
        Some(account) => account.key,
        None => make(db, given)?,
    };
    replace_links(db, key, &given.links)?;
    let restored = restored(db, key, given.kept)?;
    delete(db, "generations", key)?;
    for secrets in &given.secrets {
        let kept = restored.iter().find(|kept| kept.number == secrets.number);
        let stands = kept.map_or_else(|| secrets.clone(), |kept| beside(kept, secrets));
        accounts::insert_generation(db, key.0, &stands)?;
    }
    accounts::settle(db, key, given.root, &given.devices)?;
    Ok(true)
}

/// The generations that the backup had, as far as the account's chain still has them.
fn restored(db: &Connection, key: AccountKey, kept: u32) -> Result<Vec<GenerationSecrets>> {
    db.execute(
        "DELETE FROM restored WHERE account = ?1 AND number >= ?2",
        params![key.0, kept],
    )
    .map_err(failed)?;
    let mut select = db
        .prepare("SELECT secrets FROM restored WHERE account = ?1 ORDER BY number")
        .map_err(failed)?;
    let rows = select
        .query_map([key.0], |row| row.get::<_, Vec<u8>>(0))
        .map_err(failed)?;
    rows.map(|row| decode(&row.map_err(failed)?).map_err(|_| damaged("restored")))
        .collect()
}

/// The server cannot look into boxes: those that it had stay, for whoever brings others may be a device that went. Devices for which it had
/// none get theirs.
fn beside(kept: &GenerationSecrets, given: &GenerationSecrets) -> GenerationSecrets {
    let mut all = kept.clone();
    let lacks = |envelope: &&DeviceEnvelope| kept.devices.iter().all(|one| one.device != envelope.device);
    all.devices.extend(given.devices.iter().filter(lacks).cloned());
    all
}

/// By the operator's word: it costs one use of an invite, as a registration does.
fn make(db: &Connection, given: &GivenBack) -> Result<AccountKey> {
    let (invite, home) = given
        .invited
        .as_ref()
        .ok_or(StoreError::Refused(ErrorCode::NotFound))?;
    let quota = accounts::use_invite(db, invite, given.now)?;
    if accounts::account(db, "name", &given.name)?.is_some() {
        return Err(StoreError::Refused(ErrorCode::NameTaken));
    }
    let facts = (quota, given.now);
    let key = accounts::insert(db, given.account, &given.name, given.root, home, facts)?;
    journals::create(db, key, home)?;
    Ok(key)
}

/// `None` if the chain no longer ends where it did.
pub(super) fn chain(db: &Connection, given: &GivenChain) -> Result<Option<ChainTaken>> {
    demand_healing(db)?;
    let stored = accounts::sigchain(db, &given.account)?;
    if stored.and_then(|chain| chain.links.last().map(SignedLink::hash)) != given.on {
        return Ok(None);
    }
    let account = accounts::account(db, "account", &given.account.0)?;
    // Nothing comes behind what the operator deleted.
    if account.is_none() && departed::is_departed(db, &given.account)? {
        return Err(StoreError::Refused(ErrorCode::BadChain));
    }
    let known = account.is_some();
    let Some(account) = account.filter(|_| given.closed) else {
        awaited::keep(db, given, known)?;
        return Ok(Some(ChainTaken::default()));
    };
    replace_links(db, account.key, &given.links)?;
    awaited::forget(db, &given.account)?;
    Ok(Some(ChainTaken {
        closed: Some(account.key),
        freed: operator::delete(db, account.key.0, true)?,
    }))
}

fn demand_healing(db: &Connection) -> Result<()> {
    match healing::taken(db)? {
        Some(_) => Ok(()),
        None => Err(StoreError::Refused(ErrorCode::Forbidden)),
    }
}

fn replace_links(db: &Connection, key: AccountKey, links: &[SignedLink]) -> Result<()> {
    delete(db, "links", key)?;
    for (seq, link) in (0..).zip(links) {
        accounts::insert_link(db, key.0, seq, &encode(link))?;
    }
    Ok(())
}

/// `table` is never a request's.
fn delete(db: &Connection, table: &'static str, key: AccountKey) -> Result<()> {
    db.execute(&format!("DELETE FROM {table} WHERE account = ?1"), [key.0])
        .map(drop)
        .map_err(failed)
}
