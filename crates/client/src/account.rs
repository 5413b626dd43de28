//! The account as this device knows it, and how it follows a new generation.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_core::identity::{AccountSecrets, ChainRefused, KnownChain, Opener};
use crannog_proto::api::AccountView;
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{AccountId, DeviceId, JournalId};
use crannog_seal::schedule::{DeviceKeys, DeviceSeed};
use crannog_seal::sign::DeviceSigningKey;
use rusqlite::Connection;
use zeroize::Zeroizing;

use crate::db::{DbError, Meta, MetaKey};
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::transport::LoginKey;

/// What this device is, once and for all; in the local database.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Identity {
    /// `crannog://host:port#fingerprint`.
    pub(crate) server: String,
    /// Verifies the server's receipts; pinned at join.
    pub(crate) receipt_key: VerifyingKey,
    /// The account's name.
    pub(crate) name: String,
    /// The account.
    pub(crate) account: AccountId,
    /// This device.
    pub(crate) device: DeviceId,
    /// Its name.
    pub(crate) device_name: String,
    /// Its keys.
    pub(crate) device_seed: DeviceSeed,
    /// The home journal.
    pub(crate) home: JournalId,
}

/// The account: its verified sigchain and the secrets that belong to it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) known: KnownChain,
    pub(crate) secrets: AccountSecrets,
}

impl Account {
    pub(crate) fn load(connection: &Connection) -> Result<Self, DbError> {
        let links: Vec<u8> = Meta(connection)
            .read(MetaKey::Chain)?
            .ok_or(DbError::Damaged("the own sigchain"))?;
        let known = KnownChain::from_stored(&links)?;
        let stored: Vec<u8> = Meta(connection)
            .read(MetaKey::Secrets)?
            .ok_or(DbError::Damaged("the account secrets"))?;
        let stored = Zeroizing::new(stored);
        let secrets = AccountSecrets::from_stored(known.state(), &stored)
            .map_err(|_| DbError::Damaged("the account secrets"))?;
        Ok(Self { known, secrets })
    }

    pub(crate) fn save(&self, connection: &Connection) -> Result<(), DbError> {
        Meta(connection).write(MetaKey::Chain, &self.known.to_stored())?;
        Meta(connection).write(MetaKey::Secrets, &*self.secrets.to_stored())
    }
}

/// A device's key as the transport's login key.
pub(crate) struct DeviceLogin {
    pub(crate) device: DeviceId,
    pub(crate) key: DeviceSigningKey,
}

impl DeviceLogin {
    pub(crate) fn new(device: DeviceId, seed: &DeviceSeed) -> Self {
        Self {
            device,
            key: DeviceKeys::new(seed, &device.0).signing,
        }
    }
}

impl LoginKey for DeviceLogin {
    fn principal(&self) -> crannog_proto::api::Principal {
        crannog_proto::api::Principal::Device(self.device)
    }

    fn sign_login(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.key.sign(&message(label, statement)))
    }
}

pub(crate) fn chain_refused(name: &str, error: ChainRefused) -> Error {
    Error::lied(error.check, format!("the sigchain of {name}"))
}

impl Shared {
    /// Asks the server for the account, follows the chain, opens new generations, notes quota and use.
    pub(crate) async fn refresh_account(self: &Arc<Self>) -> Result<()> {
        let view = self.retry(|| self.transport.account()).await?;
        self.set_quota(view.quota, view.used);
        // An older answer that comes late is held against what a newer one brought meanwhile (CHK-007).
        let _following = self.following.lock().await;
        let account = self.account();
        if view.links == account.known.links() {
            return Ok(());
        }
        let next = Arc::new(self.follow(&account, view)?);
        let saved = Arc::clone(&next);
        self.db.write(move |tx| saved.save(tx)).await?;
        self.publish_account(next);
        Ok(())
    }

    fn follow(&self, account: &Account, view: AccountView) -> Result<Account> {
        let name = &self.identity.name;
        let (known, _) = account
            .known
            .follow(view.links)
            .map_err(|error| chain_refused(name, error))?;
        if known.state().device(&self.identity.device).is_none() {
            return Err(revoked());
        }
        let opener = Opener::Device(self.identity.device, &self.device_keys.kem);
        let secrets = AccountSecrets::open(known.state(), &view.secrets, opener)
            .map_err(|error| Error::lied(error.check(), format!("the account secret of {name}")))?;
        Ok(Account { known, secrets })
    }
}

fn revoked() -> Error {
    use crannog_agent_api::{Code, Failure};
    Error::User(
        Failure::new(Code::WrongCredentials, "this device was revoked by its owner")
            .hint("with the recovery words you can make a new device: crannog recover"),
    )
}
