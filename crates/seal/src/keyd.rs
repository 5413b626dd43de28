//! Secrets of the key service (docs/spec/keyd.md): of its store, of the slots that unlock it, and of its audit log.
//!
//! ```text
//!  key file, passphrase, recovery key ──► SlotKey ── unwrap ──► StoreKey ──► RecordKey, BackupKey, TokenKey
//!                                                      AuditRoot (in a record) ──► AuditSigningKey, AuditValueKey
//! ```

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::OpenError;
use crate::floe::{self, Aad, FloeKey};
use crate::kdf::derive;
use crate::labels;
use crate::password::{KdfParams, PasswordError, argon2id};
use crate::secret::{Secret32, carried, secret32};
use crate::sign::SigningSeed;

pub use crate::sign::AuditSigningKey;

secret32! {
    /// `S`: opens everything that a store holds. It lies on no disk but sealed in slots.
    pub StoreKey
}

impl StoreKey {
    /// A fresh random key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::random(rng)
    }

    /// The key of all records of one kind (1 to 5, *Records*).
    pub fn record_key(&self, store: &[u8; 16], kind: u8) -> RecordKey {
        let mut context = [0; 17];
        context[..16].copy_from_slice(store);
        context[16] = kind;
        derive(self, labels::DERIVE_KEYD_RECORD_KEY, &context)
    }

    /// The key of backups made by this store.
    pub fn backup_key(&self, store: &[u8; 16]) -> BackupKey {
        derive(self, labels::DERIVE_KEYD_BACKUP_KEY, store)
    }

    /// The key that makes this store's tokens genuine.
    pub fn token_key(&self, store: &[u8; 16]) -> TokenKey {
        derive(self, labels::DERIVE_KEYD_TOKEN_KEY, store)
    }

    /// Seals this key in a slot. `context` is the store's id and the slot's bytes before the box.
    pub fn wrap(&self, slot: &SlotKey, context: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        floe::seal(
            slot,
            Aad::new(labels::SEAL_KEYD_STORE_KEY, context),
            self.expose(),
            rng,
        )
    }

    /// Opens what [`wrap`](Self::wrap) made (CHK-002). That it is the right store's key is known only when the store's head opens.
    pub fn unwrap(slot: &SlotKey, context: &[u8], sealed: &[u8]) -> Result<Self, OpenError> {
        let opened = floe::open(slot, Aad::new(labels::SEAL_KEYD_STORE_KEY, context), sealed)?;
        let opened = Zeroizing::new(opened);
        let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| OpenError)?;
        Ok(Self::copy_of(bytes))
    }
}

secret32! {
    /// Seals the records of one kind, each under that kind's label with its header as context.
    pub RecordKey
}
impl FloeKey for RecordKey {}

secret32! {
    /// Seals backups under [`labels::SEAL_KEYD_BACKUP`].
    pub BackupKey
}
impl FloeKey for BackupKey {}

secret32! {
    /// Seals one file under [`labels::SEAL_KEYD_STREAM`]: a data key of the service.
    pub StreamKey
}
impl FloeKey for StreamKey {}

impl StreamKey {
    /// The key with these bytes, a data key of 256 bits that was asked for this file alone. The caller wipes its own copy.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self::copy_of(bytes)
    }
}

secret32! {
    /// The key of HMAC-SHA-256 in tokens.
    pub TokenKey
}

impl TokenKey {
    /// The bytes that key the HMAC.
    pub fn expose_to_mac(&self) -> &[u8; 32] {
        self.expose()
    }
}

secret32! {
    /// What opens one slot, and so the store key in it.
    pub SlotKey
}
impl FloeKey for SlotKey {}

impl SlotKey {
    /// From the 32 random bytes of a credential or key file, for the slot `id` of `store`.
    pub fn from_key_file(bytes: &[u8; 32], store: &[u8; 16], id: &[u8; 16]) -> Self {
        let own = SlotSource::copy_of(bytes);
        derive(&own, labels::DERIVE_KEYD_SLOT_KEY, &slot_context(store, id))
    }

    /// From the 32 random bytes of the recovery key, for the slot `id` of `store`.
    pub fn from_recovery(bytes: &[u8; 32], store: &[u8; 16], id: &[u8; 16]) -> Self {
        let own = SlotSource::copy_of(bytes);
        derive(
            &own,
            labels::DERIVE_KEYD_RECOVERY_SLOT_KEY,
            &slot_context(store, id),
        )
    }

    /// From a passphrase, exactly as the local database's password: Argon2id over its NFKD form. `params` are within the
    /// compiled-in bounds by their type; that the passphrase is long enough is the caller's check.
    pub fn from_passphrase(text: &str, params: KdfParams, salt: &[u8; 16]) -> Result<Self, PasswordError> {
        argon2id(text, salt, params)
    }
}

fn slot_context(store: &[u8; 16], id: &[u8; 16]) -> [u8; 32] {
    let mut context = [0; 32];
    context[..16].copy_from_slice(store);
    context[16..].copy_from_slice(id);
    context
}

secret32! {
    /// Bytes of a key file or of a recovery key, on their way to become a [`SlotKey`].
    SlotSource
}

secret32! {
    /// `R`: what the audit log's keys come from. Kept in a record of its own.
    pub AuditRoot
}
carried!(AuditRoot);

impl AuditRoot {
    /// The key that signs checkpoints of this store's log.
    pub fn signing_key(&self, store: &[u8; 16]) -> AuditSigningKey {
        AuditSigningKey::from_derived(&derive::<SigningSeed>(
            self,
            labels::DERIVE_KEYD_AUDIT_SIGNING,
            store,
        ))
    }

    /// The key of the hashes that stand for values in this store's log.
    pub fn value_key(&self, store: &[u8; 16]) -> AuditValueKey {
        derive(self, labels::DERIVE_KEYD_AUDIT_VALUE_KEY, store)
    }
}

secret32! {
    /// The key of keyed BLAKE3 for values in the audit log.
    pub AuditValueKey
}

impl AuditValueKey {
    /// The bytes that key the hash.
    pub fn expose_to_hash(&self) -> &[u8; 32] {
        self.expose()
    }
}

#[cfg(test)]
mod tests {
    use subtle::ConstantTimeEq;

    use super::*;
    use crate::test_rng::CountingRng;

    const STORE: [u8; 16] = [1; 16];
    const ID: [u8; 16] = [2; 16];

    #[test]
    fn a_slot_opens_for_its_key_and_context_only() {
        let mut rng = CountingRng::default();
        let key = StoreKey::generate(&mut rng);
        let slot = SlotKey::from_key_file(&[7; 32], &STORE, &ID);
        let sealed = key.wrap(&slot, b"context", &mut rng);
        let opened = StoreKey::unwrap(&slot, b"context", &sealed).unwrap();
        assert!(bool::from(opened.ct_eq(&key)));
        assert!(StoreKey::unwrap(&slot, b"other", &sealed).is_err());
        for other in [
            SlotKey::from_recovery(&[7; 32], &STORE, &ID),
            SlotKey::from_key_file(&[7; 32], &ID, &ID),
            SlotKey::from_key_file(&[7; 32], &STORE, &STORE),
            SlotKey::from_key_file(&[8; 32], &STORE, &ID),
        ] {
            assert!(StoreKey::unwrap(&other, b"context", &sealed).is_err());
        }
    }

    #[test]
    fn record_keys_differ_by_kind_and_store() {
        let key = StoreKey::generate(&mut CountingRng::default());
        let keys: Vec<RecordKey> = (1..=5)
            .flat_map(|kind| [key.record_key(&STORE, kind), key.record_key(&ID, kind)])
            .collect();
        for (i, a) in keys.iter().enumerate() {
            for b in keys.iter().skip(i + 1) {
                assert!(!bool::from(a.ct_eq(b)));
            }
        }
    }
}
