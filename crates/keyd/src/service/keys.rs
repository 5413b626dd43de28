//! Making, showing and changing keys.

use std::sync::Arc;

use crannog_keyd_client::{
    Answer, ConfigKey, CreateKey, KeyNames, Octets, ReadKey, Refusal, TrimKey, Upsert,
};
use crannog_keyd_keys::{
    Change, ConfigWish, Key, KeyError, KeyName, KeySpec, KeyType, Millis, Policy as KeyPolicy,
};

use super::describe::key_object;
use super::refusal;
use super::work::{Done, Work};
use crate::policy::Policy;
use crate::store::StoreError;

/// Times at which a change is planned anew because another one came between.
const TRIES: usize = 16;

/// Milliseconds since 1970.
pub(super) fn now() -> Millis {
    let micros = crannog_keyd_audit::Time::now().micros();
    Millis::try_from(micros / 1000).unwrap_or(Millis::MAX)
}

impl Work<'_> {
    pub(super) async fn create(self, name: KeyName, wanted: CreateKey) -> Result<Done, Refusal> {
        match self.opened.store.get(&name) {
            Ok(key) => return existed(self, &key),
            Err(StoreError::NoKey) => {}
            Err(error) => return Err(refusal::of_store(&error, refusal::no_key)),
        }
        let spec = spec(&wanted, self.settings.default_type)?;
        let change = self.generated(name.clone(), spec).await?;
        match self.opened.store.commit(change).await {
            Ok(key) => show(self, &key),
            // Somebody else was quicker.
            Err(StoreError::Exists) => match self.opened.store.get(&name) {
                Ok(key) => existed(self, &key),
                Err(error) => Err(refusal::of_store(&error, refusal::no_key)),
            },
            Err(error) => Err(refusal::of_store(&error, refusal::no_key)),
        }
    }

    /// The key that `encrypt` asks for, made if that is wanted and was allowed.
    pub(super) async fn upserted(&mut self, name: KeyName, wanted: &Upsert) -> Result<Arc<Key>, Refusal> {
        let create = CreateKey {
            key_type: wanted.key_type.clone(),
            convergent_encryption: wanted.convergent_encryption.unwrap_or(false),
            derived: wanted.convergent_encryption.unwrap_or(false),
            ..CreateKey::default()
        };
        let spec = spec(&create, self.settings.default_type)?;
        let change = self.generated(name.clone(), spec).await?;
        let made = match self.opened.store.commit(change).await {
            Err(StoreError::Exists) => self.opened.store.get(&name),
            made => made,
        };
        made.map_err(|error| refusal::of_store(&error, refusal::no_key))
    }

    /// A key more must have room (KEY-015).
    pub(super) fn room_for_key(&self) -> Result<(), Refusal> {
        let most = self.settings.limits.keys;
        if self.opened.store.len() >= most {
            let text = format!("there are at most {most} keys here (limits.keys)");
            return Err(Refusal::invalid(text));
        }
        Ok(())
    }

    /// A new key, not yet kept. Pairs of RSA are made on threads of their own.
    pub(super) async fn generated(&self, name: KeyName, spec: KeySpec) -> Result<Change, Refusal> {
        self.room_for_key()?;
        let make = move || Key::generate(name, &spec, now(), &mut rand::rng());
        let made = if is_slow(spec.key_type) {
            let turn = self.slow.take(self.caller.share()).await?;
            let made = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                make()
            });
            made.await.unwrap_or(Err(KeyError::Internal))
        } else {
            make()
        };
        made.map_err(|error| refusal::of_key(&error))
    }

    pub(super) fn read(self, key: &Key, how: &ReadKey) -> Result<Done, Refusal> {
        let context = how.context.as_ref().map(Octets::expose);
        let object = key_object(key, context).map_err(|error| refusal::of_key(&error))?;
        Ok(Done::of(Answer::Key(Box::new(object))))
    }

    pub(super) fn list(self, policy: &Policy) -> Result<Done, Refusal> {
        let mut names = self.opened.store.names();
        names.retain(|name| policy.shows(&self.caller.facts, name));
        if names.is_empty() {
            return Err(Refusal::not_found());
        }
        let keys = names.iter().map(ToString::to_string).collect();
        Ok(Done::of(Answer::Keys(KeyNames { keys })))
    }

    pub(super) async fn delete(self, name: &KeyName) -> Result<Done, Refusal> {
        let missing = || Refusal::invalid("could not delete key; not found");
        for _ in 0..TRIES {
            let key = self.opened.store.get(name);
            let key = key.map_err(|error| refusal::of_store(&error, missing))?;
            self.entry.about(&key);
            if !key.deletion_allowed() {
                return Err(Refusal::invalid("deletion is not allowed for this key"));
            }
            match self.opened.store.delete(&key).await {
                Err(StoreError::Changed) => {}
                done => {
                    done.map_err(|error| refusal::of_store(&error, missing))?;
                    return Ok(Done::nothing());
                }
            }
        }
        Err(refusal::of_store(&StoreError::Changed, missing))
    }

    pub(super) async fn configure(self, name: &KeyName, wanted: ConfigKey) -> Result<Done, Refusal> {
        let missing = || Refusal::invalid(format!("no existing key named {name} could be found"));
        let wish = ConfigWish {
            min_decryption: wanted.min_decryption_version,
            min_encryption: wanted.min_encryption_version,
            deletion_allowed: wanted.deletion_allowed,
            rotate_seconds: wanted.auto_rotate_period.map(|period| period.0),
        };
        let plan = |key: &Key| {
            let KeyPolicy {
                exportable,
                plaintext_backup,
                ..
            } = *key.policy();
            let fixed = wanted.exportable.is_none_or(|wish| wish == exportable)
                && wanted
                    .allow_plaintext_backup
                    .is_none_or(|wish| wish == plaintext_backup);
            if !fixed {
                let text =
                    "exportable and allow_plaintext_backup are set when a key is made, and never change";
                return Err(Refusal::invalid(text));
            }
            key.configure(&wish).map_err(|error| refusal::of_key(&error))
        };
        let key = self.change(name, missing, plan).await?;
        show(self, &key)
    }

    pub(super) async fn rotate(self, name: &KeyName) -> Result<Done, Refusal> {
        let missing = || Refusal::invalid("key not found");
        let most = self.settings.limits.versions;
        let key = self
            .change_slowly(name, missing, move |key| {
                room_for_version(key, most)?;
                key.rotate(now(), &mut rand::rng())
                    .map_err(|error| refusal::of_key(&error))
            })
            .await?;
        show(self, &key)
    }

    pub(super) async fn trim(self, name: &KeyName, wanted: &TrimKey) -> Result<Done, Refusal> {
        let missing = || Refusal::invalid("invalid key name");
        let below = wanted.min_available_version;
        let plan = |key: &Key| key.trim(below).map_err(|error| refusal::of_key(&error));
        let key = self.change(name, missing, plan).await?;
        show(self, &key)
    }

    /// Plans a change on the present state and commits it; anew, if another change came between.
    pub(super) async fn change(
        &self,
        name: &KeyName,
        missing: impl Fn() -> Refusal,
        plan: impl Fn(&Key) -> Result<Change, Refusal>,
    ) -> Result<Arc<Key>, Refusal> {
        for _ in 0..TRIES {
            let key = self.opened.store.get(name);
            let key = key.map_err(|error| refusal::of_store(&error, &missing))?;
            match self.opened.store.commit(plan(&key)?).await {
                Err(StoreError::Changed) => {}
                done => return done.map_err(|error| refusal::of_store(&error, &missing)),
            }
        }
        Err(refusal::of_store(&StoreError::Changed, missing))
    }

    /// The same for a plan that may take long.
    pub(super) async fn change_slowly(
        &self,
        name: &KeyName,
        missing: impl Fn() -> Refusal,
        plan: impl Fn(&Key) -> Result<Change, Refusal> + Clone + Send + 'static,
    ) -> Result<Arc<Key>, Refusal> {
        for _ in 0..TRIES {
            let key = self.opened.store.get(name);
            let key = key.map_err(|error| refusal::of_store(&error, &missing))?;
            let change = if is_slow(key.key_type()) {
                let (turn, plan) = (self.slow.take(self.caller.share()).await?, plan.clone());
                let planned = tokio::task::spawn_blocking(move || {
                    let _turn = turn;
                    plan(&key)
                });
                planned
                    .await
                    .unwrap_or_else(|_| Err(refusal::of_key(&KeyError::Internal)))?
            } else {
                plan(&key)?
            };
            match self.opened.store.commit(change).await {
                Err(StoreError::Changed) => {}
                done => return done.map_err(|error| refusal::of_store(&error, &missing)),
            }
        }
        Err(refusal::of_store(&StoreError::Changed, missing))
    }
}

/// A version more must have room (KEY-015).
pub(super) fn room_for_version(key: &Key, most: usize) -> Result<(), Refusal> {
    if key.latest() as usize >= most {
        let text = format!("a key has at most {most} versions here (limits.versions)");
        return Err(Refusal::invalid(text));
    }
    Ok(())
}

pub(super) fn is_slow(key_type: KeyType) -> bool {
    matches!(key_type, KeyType::Rsa3072 | KeyType::Rsa4096)
}

fn existed(work: Work<'_>, key: &Key) -> Result<Done, Refusal> {
    let name = key.name();
    let warning = format!("key {name} already existed");
    Ok(show(work, key)?.warning(Some(warning)))
}

fn show(work: Work<'_>, key: &Key) -> Result<Done, Refusal> {
    work.entry.about(key);
    work.entry.version = Some(key.latest());
    let object = key_object(key, None).map_err(|error| refusal::of_key(&error))?;
    Ok(Done::of(Answer::Key(Box::new(object))))
}

/// What a new key is to be, by the rules of *Create*.
fn spec(wanted: &CreateKey, default_type: KeyType) -> Result<KeySpec, Refusal> {
    let key_type = match (&wanted.key_type, wanted.convergent_encryption) {
        (Some(text), _) => key_type_of(text)?,
        (None, true) => KeyType::Aes256GcmSiv,
        (None, false) => default_type,
    };
    if wanted.convergent_encryption && key_type != KeyType::Aes256GcmSiv {
        return Err(refusal::of_key(&KeyError::ConvergentUnsupported));
    }
    if wanted.convergent_encryption && !wanted.derived {
        return Err(Refusal::invalid(
            "convergent encryption requires derivation to be enabled",
        ));
    }
    let usual = KeySpec::new(key_type);
    Ok(KeySpec {
        policy: KeyPolicy {
            derived: wanted.derived,
            exportable: wanted.exportable,
            plaintext_backup: wanted.allow_plaintext_backup,
            key_size: wanted.key_size.unwrap_or(usual.policy.key_size),
            ..usual.policy
        },
        rotate_seconds: wanted.auto_rotate_period.map_or(0, |period| period.0),
        deletion_allowed: wanted.deletion_allowed,
        ..usual
    })
}

/// The type of this name; told back, cut, if there is none.
pub(super) fn key_type_of(text: &str) -> Result<KeyType, Refusal> {
    KeyType::parse(text).ok_or_else(|| {
        let told: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
        Refusal::invalid(format!("unknown key type {told}"))
    })
}
