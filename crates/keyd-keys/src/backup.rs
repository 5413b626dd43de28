//! Backups: a whole key, sealed for its own store and for that store's recovery key.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_seal::floe::{self, Aad};
use crannog_seal::keyd::StoreKey;
use crannog_seal::labels::SEAL_KEYD_BACKUP;
use data_encoding::BASE64;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::counter::USES_LIMIT;
use crate::error::KeyError;
use crate::key::{Change, Key, Version};
use crate::key_type::{KeyType, Policy};
use crate::name::KeyName;
use crate::record::{Settings, VersionEntry, VersionSecret, encoded, encoded_secret};
use crate::unlock::{Opener, RecoveryKey, Slot};
use crate::{KeyId, Millis, StoreId};

const PREFIX: &str = "crannog-keyd-backup:1:";

#[derive(BorshSerialize, BorshDeserialize)]
struct Backup {
    store: [u8; 16],
    /// The recovery slot of the store that made it.
    slot: Slot,
    sealed: Vec<u8>,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct KeyBackup {
    key: [u8; 16],
    name: String,
    key_type: u8,
    policy: Policy,
    settings: Settings,
    versions: Vec<BackupVersion>,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct BackupVersion {
    version: u32,
    created_ms: Millis,
    rotated_ms: Millis,
    secret: VersionSecret,
}

/// What opens a backup.
#[derive(Debug, Clone, Copy)]
pub enum BackupOpener<'a> {
    /// The store that made it.
    Store {
        /// Its key.
        key: &'a StoreKey,
        /// Its id.
        id: &'a StoreId,
    },
    /// The recovery key of the store that made it, in any store.
    Recovery(&'a RecoveryKey),
}

impl Key {
    /// The key as one line of text; only where both rights were given when it was made (KEY-013). `recovery` is the recovery slot of
    /// this store.
    pub fn backup(
        &self,
        store: &StoreKey,
        id: &StoreId,
        recovery: &Slot,
        rng: &mut impl CryptoRng,
    ) -> Result<String, KeyError> {
        if !self.policy.exportable {
            return Err(KeyError::BackupNotExportable);
        }
        if !self.policy.plaintext_backup {
            return Err(KeyError::BackupDisallowed);
        }
        let version = |version: &Version| BackupVersion {
            version: version.entry.version,
            created_ms: version.entry.created_ms,
            rotated_ms: version.entry.rotated_ms,
            secret: VersionSecret::of(&version.material),
        };
        let backup = KeyBackup {
            key: self.id.0,
            name: self.name.as_str().to_owned(),
            key_type: self.key_type.number(),
            policy: self.policy,
            settings: self.settings,
            versions: self.versions.iter().map(version).collect(),
        };
        let secrets = backup
            .versions
            .iter()
            .map(|one| 20 + one.secret.encoded_len())
            .sum::<usize>();
        let plain =
            encoded_secret(&backup, 128 + backup.name.len() + secrets).map_err(|_| KeyError::Internal)?;
        let sealed = floe::seal(
            &store.backup_key(&id.0),
            Aad::new(SEAL_KEYD_BACKUP, &id.0),
            &plain,
            rng,
        );
        let backup = Backup {
            store: id.0,
            slot: recovery.clone(),
            sealed,
        };
        let bytes = encoded(&backup).map_err(|_| KeyError::Internal)?;
        Ok(format!("{PREFIX}{}", BASE64.encode(&bytes)))
    }
}

/// The key in a backup, under another name if one is given, with a new id. Uses after the backup are unknown: its versions of
/// `aes256-gcm96` have none left, and a new latest version is added unless the key was imported without `rotate_imported`.
pub fn restore(
    text: &str,
    open: &BackupOpener<'_>,
    name: Option<KeyName>,
    now: Millis,
    rng: &mut impl CryptoRng,
) -> Result<Change, KeyError> {
    let bytes = text
        .strip_prefix(PREFIX)
        .and_then(|rest| BASE64.decode(rest.as_bytes()).ok())
        .ok_or(KeyError::BackupUnopened)?;
    let backup = Backup::try_from_slice(&bytes).map_err(|_| KeyError::BackupUnopened)?;
    let store = StoreId(backup.store);
    let plain = match open {
        BackupOpener::Store { id, .. } if **id != store => return Err(KeyError::BackupElsewhere),
        BackupOpener::Store { key, .. } => open_sealed(key, &backup),
        BackupOpener::Recovery(recovery) => backup
            .slot
            .open(&store, &Opener::Recovery(recovery))
            .map_err(|_| KeyError::BackupUnopened)
            .and_then(|key| open_sealed(&key, &backup)),
    }?;
    let backup = KeyBackup::try_from_slice(&plain).map_err(|_| KeyError::BackupUnopened)?;
    let key = backup.restored(name, rng)?;
    key.restored(now, rng)
}

fn open_sealed(key: &StoreKey, backup: &Backup) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let aad = Aad::new(SEAL_KEYD_BACKUP, &backup.store);
    floe::open(&key.backup_key(&backup.store), aad, &backup.sealed)
        .map(Zeroizing::new)
        .map_err(|_| KeyError::BackupUnopened)
}

impl KeyBackup {
    /// The key, as generation 1 of a key with a new id.
    fn restored(self, name: Option<KeyName>, rng: &mut impl CryptoRng) -> Result<Key, KeyError> {
        let unopened = KeyError::BackupUnopened;
        let name = match name {
            Some(name) => name,
            None => KeyName::parse(&self.name).map_err(|_| unopened)?,
        };
        let key_type = KeyType::from_number(self.key_type).ok_or(unopened)?;
        let numbers = self.settings.min_available.max(1)..=self.settings.latest;
        if numbers.is_empty() || !numbers.eq(self.versions.iter().map(|one| one.version)) {
            return Err(unopened);
        }
        let version = |one: &BackupVersion| {
            let material = one
                .secret
                .material(key_type, &self.policy)
                .map_err(|_| unopened)?;
            Ok(Version {
                entry: VersionEntry {
                    version: one.version,
                    created_ms: one.created_ms,
                    hash: [0; 32],
                    reserved: if key_type.is_counted() { USES_LIMIT } else { 0 },
                    rotated_ms: one.rotated_ms,
                },
                material: Arc::new(material),
            })
        };
        let versions = self
            .versions
            .iter()
            .map(version)
            .collect::<Result<_, KeyError>>()?;
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        Ok(Key {
            id: KeyId(id),
            name,
            key_type,
            policy: self.policy,
            settings: self.settings,
            generation: 1,
            versions,
        })
    }
}
