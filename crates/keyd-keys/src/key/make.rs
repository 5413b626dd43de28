//! New keys and new versions.

use std::sync::Arc;

use rand_core::CryptoRng;

use super::{Change, Key, Material, Version};
use crate::error::KeyError;
use crate::key_type::{KeySpec, KeyType};
use crate::name::KeyName;
use crate::record::{Settings, VersionEntry};
use crate::{KeyId, Millis};

impl Key {
    /// A new key with its first version. `fernet` is imported only.
    pub fn generate(
        name: KeyName,
        spec: &KeySpec,
        now: Millis,
        rng: &mut impl CryptoRng,
    ) -> Result<Change, KeyError> {
        spec.check()?;
        let material = Material::generate(spec.key_type, &spec.policy, rng)?;
        let mut spec = *spec;
        (spec.policy.imported, spec.policy.rotate_imported) = (false, false);
        Ok(Self::first(name, &spec, material, now, rng))
    }

    /// A new key whose first version comes from outside: raw bytes for symmetric types, `hmac`, `fernet` and `ml-dsa-65`, PKCS#8 DER for
    /// the others. An imported `hmac` key has the length of its material.
    pub fn import(
        name: KeyName,
        spec: &KeySpec,
        material: &[u8],
        now: Millis,
        rng: &mut impl CryptoRng,
    ) -> Result<Change, KeyError> {
        let mut spec = *spec;
        spec.policy.imported = true;
        if spec.key_type == KeyType::Hmac {
            spec.policy.key_size = u16::try_from(material.len()).map_err(|_| KeyError::KeySize)?;
        }
        spec.check()?;
        if spec.policy.convergent {
            return Err(KeyError::ConvergentImport);
        }
        let material = Material::import(spec.key_type, &spec.policy, material, rng)?;
        Ok(Self::first(name, &spec, material, now, rng))
    }

    fn first(
        name: KeyName,
        spec: &KeySpec,
        material: Material,
        now: Millis,
        rng: &mut impl CryptoRng,
    ) -> Change {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        let key = Self {
            id: KeyId(id),
            name,
            key_type: spec.key_type,
            policy: spec.policy,
            settings: Settings {
                latest: 1,
                min_decryption: 1,
                min_encryption: 0,
                min_available: 0,
                deletion_allowed: spec.deletion_allowed,
                rotate_seconds: spec.rotate_seconds,
            },
            generation: 1,
            versions: vec![Version::fresh(1, material, now)],
        };
        Change::new(key, vec![1])
    }

    /// A new latest version from outside; only for a key that was imported.
    pub fn import_version(
        &self,
        material: &[u8],
        now: Millis,
        rng: &mut impl CryptoRng,
    ) -> Result<Change, KeyError> {
        if !self.policy.imported {
            return Err(KeyError::NotImported);
        }
        let material = Material::import(self.key_type, &self.policy, material, rng)?;
        self.with_version(material, now)
    }

    /// A new latest version with secrets of its own. An imported key needs `rotate_imported`.
    pub fn rotate(&self, now: Millis, rng: &mut impl CryptoRng) -> Result<Change, KeyError> {
        if !self.may_rotate() {
            return Err(KeyError::RotationDisallowed(self.key_type.as_str()));
        }
        self.with_version(Material::generate(self.key_type, &self.policy, rng)?, now)
    }

    /// Whether the service itself may add versions.
    pub(crate) fn may_rotate(&self) -> bool {
        (!self.policy.imported || self.policy.rotate_imported) && self.key_type != KeyType::Fernet
    }

    pub(crate) fn with_version(&self, material: Material, now: Millis) -> Result<Change, KeyError> {
        let number = self
            .settings
            .latest
            .checked_add(1)
            .ok_or(KeyError::VersionsExhausted)?;
        let mut key = self.next();
        if let Some(last) = key.versions.last_mut() {
            last.entry.rotated_ms = now;
        }
        key.settings.latest = number;
        key.versions.push(Version::fresh(number, material, now));
        Ok(Change::new(key, vec![number]))
    }

    /// A copy with the next generation.
    pub(crate) fn next(&self) -> Self {
        let mut key = self.clone();
        key.generation = key.generation.saturating_add(1);
        key
    }
}

impl Version {
    pub(crate) fn fresh(number: u32, material: Material, now: Millis) -> Self {
        Self {
            entry: VersionEntry {
                version: number,
                created_ms: now,
                hash: [0; 32],
                reserved: 0,
                rotated_ms: 0,
            },
            material: Arc::new(material),
        }
    }
}

impl Key {
    /// The change that brings a restored key into a store: all its versions are written, and one is added where uses are counted.
    pub(crate) fn restored(self, now: Millis, rng: &mut impl CryptoRng) -> Result<Change, KeyError> {
        let mut key = self;
        if key.key_type.is_counted() && key.may_rotate() {
            key = key.rotate(now, rng)?.key;
            key.generation = 1;
        }
        let fresh = key.versions.iter().map(|version| version.entry.version).collect();
        Ok(Change::new(key, fresh))
    }
}
