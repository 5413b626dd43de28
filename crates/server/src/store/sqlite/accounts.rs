//! Accounts: registration, sigchain, sessions.

use crannog_proto::api::LinkSecrets;
use crannog_proto::entry::VerifiedEntry;
use crannog_proto::sigchain::{GenerationSecrets, Link, SignedLink};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, DeviceId, ErrorCode, Hash, JournalId, decode, encode};
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::{Result, awaited, bytes, damaged, departed, failed, journals, uint};
use crate::clock::Hour;
use crate::store::{
    Account, AccountKey, LoginKey, NewAccount, NewLink, NewSession, Placed, SessionRow, Sigchain, Stands,
    StoreError,
};

/// Sessions of one account at once.
const SESSIONS: i64 = 64;

pub(super) fn register(db: &Connection, new: &NewAccount) -> Result<Placed> {
    let known: Option<(i64, [u8; 32])> = db
        .query_row(
            "SELECT id, account FROM accounts WHERE name = ?1",
            [&new.name],
            |row| Ok((row.get(0)?, bytes(row, 1)?)),
        )
        .optional()
        .map_err(failed)?;
    if let Some((id, account)) = known {
        // The same registration once more, because its answer was lost.
        if account == new.account.0 && holds_home(db, id, new)? {
            return journals::create(db, AccountKey(id), &new.home);
        }
        // Who holds no invite learns nothing about names.
        use_invite(db, &new.invite, new.now)?;
        return Err(StoreError::Refused(ErrorCode::NameTaken));
    }
    let quota = use_invite(db, &new.invite, new.now)?;
    let key = insert(db, new.account, &new.name, new.root, &new.home, (quota, new.now))?;
    insert_link(db, key.0, 0, &encode(&new.link))?;
    insert_generation(db, key.0, &new.secrets)?;
    insert_devices(db, key.0, &[new.device])?;
    journals::create(db, key, &new.home)
}

/// The row of an account that nobody has heard of, with a name that nobody has or had for ever.
pub(super) fn insert(
    db: &Connection,
    account: AccountId,
    name: &str,
    root: VerifyingKey,
    home: &VerifiedEntry,
    (quota, now): (i64, Hour),
) -> Result<AccountKey> {
    if departed::closed(db, name)?.is_some() {
        return Err(StoreError::Refused(ErrorCode::NameTaken));
    }
    // Others know a longer chain that begins so.
    if departed::is_departed(db, &account)? {
        return Err(StoreError::Refused(ErrorCode::BadChain));
    }
    let home = JournalId::of_genesis(&home.entry().header);
    let id = db
        .prepare_cached(
            "INSERT INTO accounts (account, name, root, home, quota, used, suspended, created) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6)",
        )
        .and_then(|mut insert| insert.insert(params![account.0, name, root.0, home.0, quota, now.0]))
        .map_err(failed)?;
    Ok(AccountKey(id))
}

fn holds_home(db: &Connection, id: i64, new: &NewAccount) -> Result<bool> {
    let home: [u8; 32] = db
        .query_row("SELECT home FROM accounts WHERE id = ?1", [id], |row| {
            bytes(row, 0)
        })
        .map_err(failed)?;
    Ok(home == JournalId::of_genesis(&new.home.entry().header).0)
}

pub(super) fn is_invited(db: &Connection, invite: &Hash, now: Hour) -> Result<bool> {
    db.prepare_cached(
        "SELECT 1 FROM invites WHERE hash = ?1 AND revoked = 0 AND used < uses AND expires > ?2",
    )
    .and_then(|mut select| select.exists(params![invite.0, now.0]))
    .map_err(failed)
}

/// The quota that it gives.
pub(super) fn use_invite(db: &Connection, invite: &Hash, now: Hour) -> Result<i64> {
    db.query_row(
        "UPDATE invites SET used = used + 1 WHERE hash = ?1 AND revoked = 0 AND used < uses AND expires > ?2 RETURNING quota",
        params![invite.0, now.0],
        |row| row.get(0),
    )
    .optional()
    .map_err(failed)?
    .ok_or(StoreError::Refused(ErrorCode::InviteInvalid))
}

pub(super) fn insert_link(db: &Connection, account: i64, seq: u32, link: &[u8]) -> Result<()> {
    db.execute(
        "INSERT INTO links (account, seq, link) VALUES (?1, ?2, ?3)",
        params![account, seq, link],
    )
    .map_err(failed)?;
    Ok(())
}

pub(super) fn insert_generation(db: &Connection, account: i64, secrets: &GenerationSecrets) -> Result<()> {
    db.execute(
        "INSERT INTO generations (account, number, secrets) VALUES (?1, ?2, ?3)",
        params![account, secrets.number, encode(secrets)],
    )
    .map_err(failed)?;
    Ok(())
}

fn insert_devices(db: &Connection, account: i64, devices: &[(DeviceId, VerifyingKey)]) -> Result<()> {
    for (device, key) in devices {
        db.execute(
            "INSERT INTO devices (account, device, key) VALUES (?1, ?2, ?3)",
            params![account, device.0, key.0],
        )
        .map_err(failed)?;
    }
    Ok(())
}

pub(super) fn login_key(db: &Connection, name: &str, device: Option<DeviceId>) -> Result<Option<LoginKey>> {
    let read = |row: &rusqlite::Row<'_>| {
        Ok(LoginKey {
            account: AccountKey(row.get(0)?),
            suspended: row.get(1)?,
            key: VerifyingKey(bytes(row, 2)?),
        })
    };
    match device {
        None => db
            .prepare_cached("SELECT id, suspended, root FROM accounts WHERE name = ?1")
            .and_then(|mut select| select.query_row([name], read).optional()),
        Some(device) => db
            .prepare_cached(
                "SELECT a.id, a.suspended, d.key FROM accounts a JOIN devices d ON d.account = a.id
                 WHERE a.name = ?1 AND d.device = ?2",
            )
            .and_then(|mut select| select.query_row(params![name, device.0], read).optional()),
    }
    .map_err(failed)
}

pub(super) fn open_session(db: &Connection, new: &NewSession) -> Result<()> {
    let spent = db
        .execute(
            "INSERT OR IGNORE INTO spent (challenge, hour) VALUES (?1, ?2)",
            params![new.challenge.0, new.now.0],
        )
        .map_err(failed)?;
    if spent == 0 {
        return Err(StoreError::Refused(ErrorCode::Unauthorized));
    }
    db.execute(
        "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE account = ?1 ORDER BY expires DESC LIMIT -1 OFFSET ?2)",
        params![new.account.0, SESSIONS - 1],
    )
    .map_err(failed)?;
    db.execute(
        "INSERT INTO sessions (hash, account, device, expires) VALUES (?1, ?2, ?3, ?4)",
        params![
            new.hash.0,
            new.account.0,
            new.device.map(|id| id.0),
            new.expires.0
        ],
    )
    .map_err(failed)?;
    Ok(())
}

pub(super) fn session(db: &Connection, hash: &Hash) -> Result<Option<SessionRow>> {
    db.prepare_cached(
        "SELECT s.account, s.device IS NULL, s.expires, a.suspended FROM sessions s JOIN accounts a ON a.id = s.account
         WHERE s.hash = ?1",
    )
    .and_then(|mut select| {
        select
            .query_row([hash.0], |row| {
                Ok(SessionRow {
                    account: AccountKey(row.get(0)?),
                    root: row.get(1)?,
                    expires: Hour(row.get(2)?),
                    suspended: row.get(3)?,
                })
            })
            .optional()
    })
    .map_err(failed)
}

pub(super) fn sigchain(db: &Connection, id: &AccountId) -> Result<Option<Sigchain>> {
    if let Some(waits) = awaited::sigchain(db, id)? {
        return Ok(Some(waits));
    }
    match account(db, "account", &id.0)? {
        Some(Account { name, links, .. }) => Ok(Some(Sigchain { name, links })),
        None => departed::sigchain(db, id),
    }
}

/// `column` is `name`, `account` or `id`, never a request's.
pub(super) fn account(db: &Connection, column: &'static str, value: &dyn ToSql) -> Result<Option<Account>> {
    let sql = format!("SELECT id, name, home, quota, used FROM accounts WHERE {column} = ?1");
    let found = db
        .prepare_cached(&sql)
        .and_then(|mut select| {
            select
                .query_row([value], |row| {
                    Ok(Account {
                        key: AccountKey(row.get(0)?),
                        name: row.get(1)?,
                        links: Vec::new(),
                        home: JournalId(bytes(row, 2)?),
                        quota: uint(row, 3)?,
                        used: uint(row, 4)?,
                    })
                })
                .optional()
        })
        .map_err(failed)?;
    let Some(mut account) = found else { return Ok(None) };
    account.links = blobs_of(
        db,
        "SELECT link FROM links WHERE account = ?1 ORDER BY seq",
        account.key,
    )?
    .iter()
    .map(|link| decode(link).map_err(|_| damaged("links")))
    .collect::<Result<_>>()?;
    Ok(Some(account))
}

pub(super) fn generations(db: &Connection, key: AccountKey) -> Result<Vec<GenerationSecrets>> {
    blobs_of(
        db,
        "SELECT secrets FROM generations WHERE account = ?1 ORDER BY number",
        key,
    )?
    .iter()
    .map(|secrets| decode(secrets).map_err(|_| damaged("generations")))
    .collect()
}

fn blobs_of(db: &Connection, sql: &str, key: AccountKey) -> Result<Vec<Vec<u8>>> {
    let mut select = db.prepare_cached(sql).map_err(failed)?;
    let rows = select.query_map([key.0], |row| row.get(0)).map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

/// Whether what a link was verified on is still there.
fn stands(links: &[SignedLink], new: &NewLink) -> Result<bool> {
    let prev = match new.on {
        Stands::Last(last) => return Ok(links.last().map(SignedLink::hash) == Some(last)),
        Stands::OverDevices { prev } => prev,
    };
    let (before, after) = links.split_at_checked(new.seq as usize).unwrap_or_default();
    let mut by_root = false;
    for link in after {
        let link: Link = decode(&link.link).map_err(|_| damaged("links"))?;
        by_root |= link.kind.is_by_root();
    }
    Ok(!by_root && before.last().map(SignedLink::hash) == Some(prev))
}

/// Of a generation that has a successor nobody opens the boxes any more: the next one's `previous` leads to it.
fn forget_boxes(db: &Connection, key: AccountKey, newest: u32) -> Result<()> {
    for mut old in generations(db, key)? {
        if old.number < newest && !(old.recovery.is_empty() && old.devices.is_empty()) {
            old.recovery.clear();
            old.devices.clear();
            db.execute(
                "UPDATE generations SET secrets = ?3 WHERE account = ?1 AND number = ?2",
                params![key.0, old.number, encode(&old)],
            )
            .map_err(failed)?;
        }
    }
    Ok(())
}

pub(super) fn append_link(db: &Connection, key: AccountKey, new: &NewLink) -> Result<()> {
    let stored = account(db, "id", &key.0)?.ok_or(StoreError::Refused(ErrorCode::Unauthorized))?;
    if !stands(&stored.links, new)? {
        return Err(StoreError::Refused(ErrorCode::BadChain));
    }
    // A root may cut off what account keys signed before it.
    db.execute(
        "DELETE FROM links WHERE account = ?1 AND seq >= ?2",
        params![key.0, new.seq],
    )
    .map_err(failed)?;
    insert_link(db, key.0, new.seq, &encode(&new.link))?;
    match &new.secrets {
        LinkSecrets::None => {}
        LinkSecrets::Generation(secrets) => {
            db.execute(
                "DELETE FROM generations WHERE account = ?1 AND number >= ?2",
                params![key.0, secrets.number],
            )
            .map_err(failed)?;
            insert_generation(db, key.0, secrets)?;
            forget_boxes(db, key, secrets.number)?;
        }
        LinkSecrets::Device(envelope) => {
            let mut all = generations(db, key)?;
            let current = all
                .iter_mut()
                .find(|secrets| secrets.number == new.generation)
                .ok_or_else(|| damaged("generations"))?;
            current.devices.push(envelope.clone());
            db.execute(
                "UPDATE generations SET secrets = ?3 WHERE account = ?1 AND number = ?2",
                params![key.0, new.generation, encode(current)],
            )
            .map_err(failed)?;
        }
    }
    settle(db, key, new.root, &new.devices)
}

/// Whoever the chain has now may log in, and nobody else stays.
pub(super) fn settle(
    db: &Connection,
    key: AccountKey,
    root: VerifyingKey,
    devices: &[(DeviceId, VerifyingKey)],
) -> Result<()> {
    let renewed = db
        .execute(
            "UPDATE accounts SET root = ?2 WHERE id = ?1 AND root != ?2",
            params![key.0, root.0],
        )
        .map_err(failed)?;
    db.execute("DELETE FROM devices WHERE account = ?1", [key.0])
        .map_err(failed)?;
    insert_devices(db, key.0, devices)?;
    db.execute(
        "DELETE FROM sessions WHERE account = ?1 AND (CASE WHEN device IS NULL THEN ?2
         ELSE device NOT IN (SELECT device FROM devices WHERE account = ?1) END)",
        params![key.0, renewed > 0],
    )
    .map_err(failed)?;
    awaited::settle(db, key)
}
