//! Encrypt, decrypt, and encrypt anew.

use std::collections::HashMap;
use std::sync::Arc;

use crannog_keyd_client::{
    Answer, Crypt, DataKey, DataKeyBits, DecryptItem, Decrypted, EncryptItem, Encrypted, NewDataKey, Octets,
    Outcomes, Refusal, RewrapItem, TranslateItem,
};
use crannog_keyd_keys::{Cipher, Key, KeyError, Plain, Sealed, Uses, translate};

use super::items::{each, failed, succeeded, whole};
use super::opened::Opened;
use super::work::{Done, Work};
use super::{entry::Entry, refusal};

/// Uses that are counted on disk already, by version; nothing for types that are not counted.
struct Counted {
    by_version: HashMap<u32, Uses>,
    uncounted: Uses,
}

impl Counted {
    /// For a whole request, before its first item (KEY-007).
    async fn take(
        opened: &Opened,
        key: &Key,
        versions: impl Iterator<Item = Option<u32>>,
    ) -> Result<Self, Refusal> {
        let mut wanted: HashMap<u32, u64> = HashMap::new();
        if key.key_type().is_counted() {
            // A version that cannot be used is the error of its item.
            for version in versions.filter_map(|version| key.uses_needed(version).ok().flatten()) {
                *wanted.entry(version).or_default() += 1;
            }
        }
        let mut by_version = HashMap::new();
        for (version, count) in wanted {
            let taken = opened.store.take_uses(key, version, count).await;
            let uses = taken.map_err(|error| refusal::of_store(&error, refusal::no_key))?;
            by_version.insert(version, uses);
        }
        Ok(Self {
            by_version,
            uncounted: Uses::uncounted(),
        })
    }

    fn of(&mut self, key: &Key, version: Option<u32>) -> Result<&mut Uses, KeyError> {
        let counted = key.uses_needed(version)?;
        Ok(
            match counted.and_then(|version| self.by_version.get_mut(&version)) {
                Some(uses) => uses,
                None => &mut self.uncounted,
            },
        )
    }
}

impl Work<'_> {
    pub(super) async fn encrypt(mut self, key: Arc<Key>, crypt: Crypt<EncryptItem>) -> Result<Done, Refusal> {
        self.take_in(&crypt.items, |values, item| {
            values.add_some("context", item.context.as_ref().map(Octets::expose));
            values.add_some(
                "associated_data",
                item.associated_data.as_ref().map(Octets::expose),
            );
            values.add("plaintext", item.plaintext.expose());
        });
        let versions = whole(&crypt.items).map(|item| item.key_version);
        let mut uses = Counted::take(self.opened, &key, versions).await?;
        let used = key.clone();
        let turn = self.turn(&[&key]).await?;
        let outcomes = each(crypt.items, turn, move |item: EncryptItem| {
            let plain = Plain {
                plaintext: item.plaintext.expose(),
                context: item.context.as_ref().map(Octets::expose),
                associated_data: item.associated_data.as_ref().map(Octets::expose),
                version: item.key_version,
            };
            let uses = uses.of(&used, item.key_version)?;
            used.encrypt(&plain, uses, &mut rand::rng()).map(encrypted)
        })
        .await?;
        Ok(self.give_encrypted(&key, crypt.partial, outcomes))
    }

    pub(super) async fn decrypt(mut self, key: Arc<Key>, crypt: Crypt<DecryptItem>) -> Result<Done, Refusal> {
        self.take_in(&crypt.items, |values, item| {
            values.add_some("context", item.context.as_ref().map(Octets::expose));
            values.add_some(
                "associated_data",
                item.associated_data.as_ref().map(Octets::expose),
            );
            values.add("ciphertext", item.ciphertext.as_str().as_bytes());
        });
        let used = key.clone();
        let turn = self.turn(&[&key]).await?;
        let outcomes = each(crypt.items, turn, move |item: DecryptItem| {
            let cipher = cipher(&item.ciphertext, &item.context, &item.associated_data);
            let plaintext = used.decrypt(&cipher)?;
            Ok(Decrypted {
                plaintext: Octets::copied(plaintext.expose()),
            })
        })
        .await?;
        let mut values = self.opened.values();
        for done in succeeded(&outcomes) {
            values.add("plaintext", done.plaintext.expose());
        }
        self.entry.output = values.finish();
        self.entry.failed = Some(failed(&outcomes)).filter(|failed| *failed > 0);
        let status = outcomes.status(crypt.partial);
        Ok(Done::with_status(status, Answer::Decrypted(outcomes)))
    }

    pub(super) async fn rewrap(mut self, key: Arc<Key>, crypt: Crypt<RewrapItem>) -> Result<Done, Refusal> {
        self.take_in(&crypt.items, |values, item| {
            values.add_some("context", item.context.as_ref().map(Octets::expose));
            values.add_some(
                "associated_data",
                item.associated_data.as_ref().map(Octets::expose),
            );
            values.add("ciphertext", item.ciphertext.as_str().as_bytes());
        });
        let versions = whole(&crypt.items).map(|item| item.key_version);
        let mut uses = Counted::take(self.opened, &key, versions).await?;
        let used = key.clone();
        let turn = self.turn(&[&key]).await?;
        let outcomes = each(crypt.items, turn, move |item: RewrapItem| {
            let cipher = cipher(&item.ciphertext, &item.context, &item.associated_data);
            let uses = uses.of(&used, item.key_version)?;
            used.rewrap(&cipher, item.key_version, uses, &mut rand::rng())
                .map(encrypted)
        })
        .await?;
        Ok(self.give_encrypted(&key, crypt.partial, outcomes))
    }

    pub(super) async fn translate(
        mut self,
        source: Arc<Key>,
        target: Arc<Key>,
        crypt: Crypt<TranslateItem>,
    ) -> Result<Done, Refusal> {
        self.take_in(&crypt.items, |values, item| {
            for (field, octets) in [
                ("context", &item.context),
                ("associated_data", &item.associated_data),
                ("target_context", &item.target_context),
                ("target_associated_data", &item.target_associated_data),
            ] {
                values.add_some(field, octets.as_ref().map(Octets::expose));
            }
            values.add("ciphertext", item.ciphertext.as_str().as_bytes());
        });
        let versions = whole(&crypt.items).map(|item| item.key_version);
        let mut uses = Counted::take(self.opened, &target, versions).await?;
        let turn = self.turn(&[&source, &target]).await?;
        let to = target.clone();
        let outcomes = each(crypt.items, turn, move |item: TranslateItem| {
            let cipher = cipher(&item.ciphertext, &item.context, &item.associated_data);
            let context = item
                .target_context
                .as_ref()
                .or(item.context.as_ref().filter(|_| to.policy().derived));
            let takes_data = to.key_type().can().associated_data;
            let data = item
                .target_associated_data
                .as_ref()
                .or(item.associated_data.as_ref().filter(|_| takes_data));
            let binding = (context.map(Octets::expose), data.map(Octets::expose));
            let uses = uses.of(&to, item.key_version)?;
            let version = item.key_version;
            translate(&source, &cipher, &to, binding, version, uses, &mut rand::rng()).map(encrypted)
        })
        .await?;
        Ok(self.give_encrypted(&target, crypt.partial, outcomes))
    }

    pub(super) async fn data_key(
        self,
        key: Arc<Key>,
        wanted: DataKey,
        hand_out: bool,
    ) -> Result<Done, Refusal> {
        let mut values = self.opened.values();
        values.add_some("context", wanted.context.as_ref().map(Octets::expose));
        values.add_some(
            "associated_data",
            wanted.associated_data.as_ref().map(Octets::expose),
        );
        self.entry.input = values.finish();
        let version = wanted.key_version;
        let mut uses = Counted::take(self.opened, &key, std::iter::once(version)).await?;
        let bits = match wanted.bits {
            DataKeyBits::B128 => crannog_keyd_keys::DataKeyBits::B128,
            DataKeyBits::B256 => crannog_keyd_keys::DataKeyBits::B256,
            DataKeyBits::B512 => crannog_keyd_keys::DataKeyBits::B512,
        };
        let binding = (
            wanted.context.as_ref().map(Octets::expose),
            wanted.associated_data.as_ref().map(Octets::expose),
        );
        let made = uses
            .of(&key, version)
            .and_then(|uses| key.data_key(bits, binding, version, uses, &mut rand::rng()));
        let (secret, sealed) = made.map_err(|error| refusal::of_key(&error))?;
        let mut values = self.opened.values();
        values.add("ciphertext", sealed.text.as_bytes());
        self.entry.output = values.finish();
        self.entry.version = Some(sealed.version);
        let warnings = warnings(&key, sealed.version, self.settings.limits.rotate_uses);
        let answer = NewDataKey {
            ciphertext: sealed.text.into(),
            key_version: sealed.version,
            plaintext: hand_out.then(|| Octets::copied(secret.expose())),
        };
        Ok(Done::of(Answer::DataKey(answer)).warning(warnings))
    }

    fn give_encrypted(
        self,
        key: &Key,
        partial: Option<crannog_keyd_client::PartialStatus>,
        outcomes: Outcomes<Encrypted>,
    ) -> Done {
        let Self {
            opened,
            entry,
            settings,
            ..
        } = self;
        let mut values = opened.values();
        for done in succeeded(&outcomes) {
            values.add("ciphertext", done.ciphertext.as_str().as_bytes());
        }
        entry.output = values.finish();
        let highest = succeeded(&outcomes).map(|done| done.key_version).max();
        note_versions(entry, &outcomes);
        entry.failed = Some(failed(&outcomes)).filter(|failed| *failed > 0);
        let status = outcomes.status(partial);
        let warnings = highest.and_then(|version| warnings(key, version, settings.limits.rotate_uses));
        Done::with_status(status, Answer::Encrypted(outcomes)).warning(warnings)
    }
}

/// The version, where all used the same.
fn note_versions(entry: &mut Entry, outcomes: &Outcomes<Encrypted>) {
    let mut versions = succeeded(outcomes).map(|done| done.key_version);
    let first = versions.next();
    entry.version = first.filter(|first| versions.all(|version| version == *first));
}

/// What is said of a version with many uses.
fn warnings(key: &Key, version: u32, many: u64) -> Option<String> {
    let reserved = key.reserved(version).filter(|reserved| *reserved >= many)?;
    let name = key.name();
    Some(format!(
        "version {version} of {name} has {reserved} uses reserved, and is due to be rotated"
    ))
}

fn encrypted(sealed: Sealed) -> Encrypted {
    Encrypted {
        ciphertext: sealed.text.into(),
        key_version: sealed.version,
    }
}

fn cipher<'a>(
    ciphertext: &'a crannog_keyd_client::Ciphertext,
    context: &'a Option<Octets>,
    associated_data: &'a Option<Octets>,
) -> Cipher<'a> {
    Cipher {
        ciphertext: ciphertext.as_str(),
        context: context.as_ref().map(Octets::expose),
        associated_data: associated_data.as_ref().map(Octets::expose),
    }
}
