//! Keys that leave and keys that come: export, backup, restore, import.

use std::collections::BTreeMap;

use crannog_keyd_client::{
    Answer, Backup, ExportFormat, ExportKind, ExportVersion, ExportedKey, ImportHash, ImportKey,
    ImportVersion, Octets, Refusal, Restore, SecretText, WrappingKey,
};
use crannog_keyd_keys::{
    BackupOpener, Change, Format, Key, KeyError, KeyName, KeySpec, KeyType, LockedBytes, OaepHash,
    Policy as KeyPolicy, restore, unwrap_import,
};

use super::keys::{key_type_of, now, room_for_version};
use super::refusal;
use super::work::{Done, Work};
use crate::policy::{Op, Policy};
use crate::store::StoreError;

impl Work<'_> {
    pub(super) fn export(
        self,
        key: &Key,
        what: ExportKind,
        version: Option<ExportVersion>,
        format: Option<ExportFormat>,
    ) -> Result<Done, Refusal> {
        let what = match what {
            ExportKind::EncryptionKey => crannog_keyd_keys::ExportKind::EncryptionKey,
            ExportKind::SigningKey => crannog_keyd_keys::ExportKind::SigningKey,
            ExportKind::HmacKey => crannog_keyd_keys::ExportKind::HmacKey,
            ExportKind::PublicKey => crannog_keyd_keys::ExportKind::PublicKey,
        };
        let version = version.map(|version| match version {
            ExportVersion::Latest => key.latest(),
            ExportVersion::Number(number) => number,
        });
        let format = match format {
            None => Format::default(),
            Some(ExportFormat::Pem) => Format::Pem,
            Some(ExportFormat::Der) => Format::Der,
        };
        let exported = key.export(what, version, format);
        let exported = exported.map_err(|error| refusal::of_key(&error))?;
        let text = |text: &str| SecretText::new(text.to_owned());
        let keys: BTreeMap<_, _> = exported
            .iter()
            .map(|one| (one.version.to_string(), text(one.text.expose())))
            .collect();
        self.entry.version = version;
        Ok(Done::of(Answer::Exported(ExportedKey {
            name: key.name().to_string(),
            key_type: key.key_type().as_str().to_owned(),
            keys,
        })))
    }

    pub(super) async fn backup(self, key: &Key) -> Result<Done, Refusal> {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "the unlocking file cannot be read for a backup");
            Refusal::failed("the unlocking file cannot be read")
        };
        let store = &self.opened.store;
        let slots = store.unlock_file().await;
        let slots = slots.map_err(|error| failed(&error))?;
        let recovery = slots.recovery_slot().map_err(|error| failed(&error))?;
        let made = key.backup(store.key(), &store.id(), recovery, &mut rand::rng());
        let backup = SecretText::new(made.map_err(|error| refusal::of_key(&error))?);
        Ok(Done::of(Answer::Backup(Backup { backup })))
    }

    /// `policy` judges the name that a backup brings with it, if no other was given.
    pub(super) async fn restore(
        self,
        name: Option<KeyName>,
        wanted: Restore,
        policy: &Policy,
    ) -> Result<Done, Refusal> {
        let store = &self.opened.store;
        let opener = BackupOpener::Store {
            key: store.key(),
            id: &store.id(),
        };
        let open = || {
            restore(
                wanted.backup.expose(),
                &opener,
                name.clone(),
                now(),
                &mut rand::rng(),
            )
        };
        let change = open().map_err(|error| refusal::of_key(&error))?;
        let name = change.name().clone();
        let decision = policy.decide(&self.caller.facts, Op::Restore, Some(&name));
        self.entry.key = Some(name.clone());
        self.entry.rule = decision.rule().map(str::to_owned);
        if !decision.allowed() {
            return Err(Refusal::denied());
        }
        let exists = || Refusal::failed(format!("key \"{name}\" already exists"));
        self.room_for_key()?;
        match store.get(&name) {
            Ok(old) if wanted.force => {
                let gone = store.delete(&old).await;
                gone.map_err(|error| refusal::of_store(&error, exists))?;
            }
            Err(StoreError::NoKey) => {}
            _ => return Err(exists()),
        }
        match store.commit(change).await {
            Ok(key) => {
                self.entry.about(&key);
                Ok(Done::nothing())
            }
            Err(StoreError::Exists) => Err(exists()),
            Err(error) => Err(refusal::of_store(&error, exists)),
        }
    }

    pub(super) async fn wrapping_key(self) -> Result<Done, Refusal> {
        let key = self.wrapping().await?;
        let public = crannog_keyd_keys::ExportKind::PublicKey;
        let exported = key.export(public, Some(key.latest()), Format::default());
        let exported = exported.map_err(|error| refusal::of_key(&error))?;
        let public_key = exported.first().map(|one| one.text.expose().to_owned());
        let public_key = public_key.ok_or_else(|| refusal::of_key(&KeyError::Internal))?;
        Ok(Done::of(Answer::WrappingKey(WrappingKey { public_key })))
    }

    /// The key that imports are wrapped to; made at its first use.
    async fn wrapping(&self) -> Result<std::sync::Arc<Key>, Refusal> {
        let (store, name) = (&self.opened.store, KeyName::wrapping());
        match store.get(&name) {
            Err(StoreError::NoKey) => {}
            found => return found.map_err(|error| refusal::of_store(&error, refusal::no_key)),
        }
        let change = self
            .generated(name.clone(), KeySpec::new(KeyType::Rsa4096))
            .await?;
        match store.commit(change).await {
            Err(StoreError::Exists) => store.get(&name),
            made => made,
        }
        .map_err(|error| refusal::of_store(&error, refusal::no_key))
    }

    pub(super) async fn import(self, name: KeyName, wanted: ImportKey) -> Result<Done, Refusal> {
        let exists = || {
            Refusal::invalid(
                "the import path cannot be used with an existing key; use import-version to rotate an existing imported key",
            )
        };
        if self.opened.store.get(&name).is_ok() {
            return Err(exists());
        }
        self.room_for_key()?;
        let key_type = match &wanted.key_type {
            Some(text) => key_type_of(text)?,
            None => self.settings.default_type,
        };
        let usual = KeySpec::new(key_type);
        let spec = KeySpec {
            policy: KeyPolicy {
                derived: wanted.derived,
                exportable: wanted.exportable,
                plaintext_backup: wanted.allow_plaintext_backup,
                rotate_imported: wanted.allow_rotation,
                ..usual.policy
            },
            rotate_seconds: wanted.auto_rotate_period.map_or(0, |period| period.0),
            ..usual
        };
        let material = self.unwrapped(wanted.ciphertext, wanted.hash_function).await?;
        let change = Key::import(name, &spec, material.expose(), now(), &mut rand::rng());
        let change: Change = change.map_err(|error| refusal::of_key(&error))?;
        match self.opened.store.commit(change).await {
            Ok(key) => {
                self.entry.about(&key);
                Ok(Done::nothing())
            }
            Err(StoreError::Exists) => Err(exists()),
            Err(error) => Err(refusal::of_store(&error, refusal::no_key)),
        }
    }

    pub(super) async fn import_version(self, name: &KeyName, wanted: ImportVersion) -> Result<Done, Refusal> {
        let material = self.unwrapped(wanted.ciphertext, wanted.hash_function).await?;
        let most = self.settings.limits.versions;
        let plan = |key: &Key| {
            room_for_version(key, most)?;
            key.import_version(material.expose(), now(), &mut rand::rng())
                .map_err(|error| refusal::of_key(&error))
        };
        let key = self.change(name, refusal::no_key, plan).await?;
        self.entry.about(&key);
        self.entry.version = Some(key.latest());
        Ok(Done::nothing())
    }

    async fn unwrapped(&self, ciphertext: Octets, hash: ImportHash) -> Result<LockedBytes, Refusal> {
        let hash = match hash {
            ImportHash::Sha1 => OaepHash::Sha1,
            ImportHash::Sha256 => OaepHash::Sha256,
            ImportHash::Sha384 => OaepHash::Sha384,
            ImportHash::Sha512 => OaepHash::Sha512,
        };
        let wrapping = self.wrapping().await?;
        let turn = self.slow.take(self.caller.share()).await?;
        let opened = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            unwrap_import(&wrapping, ciphertext.expose(), hash)
        });
        let opened = opened.await.unwrap_or(Err(KeyError::Internal));
        opened.map_err(|error| refusal::of_key(&error))
    }
}
