//! Records of kinds 2 and 3: a key, and the secrets of its versions.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use borsh::{BorshDeserialize, BorshSerialize};
use crannog_seal::keyd::StoreKey;
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{RecordHeader, RecordKind, encoded, encoded_secret, open_record, parse, seal_record};
use crate::error::{KeyError, RecordError};
use crate::key::{Key, Material, RecordFile, Version};
use crate::key_type::KeyType;
use crate::memory::LockedBytes;
use crate::name::KeyName;
use crate::{KeyId, Millis, StoreId};

/// What may change in a key's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Settings {
    /// The highest version.
    pub latest: u32,
    /// The least version that is decrypted and verified; at least 1.
    pub min_decryption: u32,
    /// The least version that is encrypted and signed with; 0 for the latest alone.
    pub min_encryption: u32,
    /// Versions below were trimmed; 0 if none ever was.
    pub min_available: u32,
    /// Whether the key may be deleted.
    pub deletion_allowed: bool,
    /// Rotated when the latest version is that old, in seconds; 0 for never.
    pub rotate_seconds: u64,
}

/// What a key says about one of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct VersionEntry {
    pub(crate) version: u32,
    pub(crate) created_ms: Millis,
    /// SHA-256 of the version's file.
    pub(crate) hash: [u8; 32],
    /// Uses that may have been made; see [`Counter`](crate::Counter).
    pub(crate) reserved: u64,
    /// When it ceased to be the latest, or 0.
    pub(crate) rotated_ms: Millis,
}

/// The plaintext of kind 2. `store_generation` is that of the head which followed when it was written.
#[derive(BorshSerialize, BorshDeserialize)]
struct KeyRecord {
    store_generation: u64,
    settings: Settings,
    versions: Vec<VersionEntry>,
}

/// The plaintext of kind 3, and a version inside a backup.
#[derive(BorshSerialize, BorshDeserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct VersionSecret {
    secret: Vec<u8>,
    hmac: Vec<u8>,
    public: Vec<u8>,
}

impl VersionSecret {
    pub(crate) fn of(material: &Material) -> Self {
        Self {
            secret: material.secret.expose().to_vec(),
            hmac: material.hmac.expose().to_vec(),
            public: material.public.clone(),
        }
    }

    /// Length of the encoding.
    pub(crate) fn encoded_len(&self) -> usize {
        3 * 4 + self.secret.len() + self.hmac.len() + self.public.len()
    }

    /// The secrets, ready for use. A public half that does not fit is damage.
    pub(crate) fn material(
        &self,
        key_type: KeyType,
        policy: &crate::Policy,
    ) -> Result<Material, RecordError> {
        let (secret, hmac) = (
            LockedBytes::copy_of(&self.secret),
            LockedBytes::copy_of(&self.hmac),
        );
        let material = Material::new(key_type, policy, secret, hmac).map_err(|_| RecordError::Damaged)?;
        if material.public == self.public {
            Ok(material)
        } else {
            Err(RecordError::Damaged)
        }
    }
}

/// A version's file as it was found.
#[derive(Debug, Clone, Copy)]
pub struct RecordIn<'a> {
    /// The number in its name.
    pub version: u32,
    /// All of it.
    pub bytes: &'a [u8],
}

impl RecordFile {
    /// The file name of a version: `v` and at least six digits.
    pub fn version_name(version: u32) -> String {
        format!("v{version:06}")
    }
}

fn header(store: &StoreId, key: &Key, kind: RecordKind, version: u32) -> RecordHeader {
    RecordHeader {
        key: key.id.0,
        name: key.name.as_str().to_owned(),
        version,
        key_type: key.key_type.number(),
        policy: key.policy,
        ..RecordHeader::of_store(store, kind, key.generation)
    }
}

/// The file of a version and its SHA-256.
pub(crate) fn seal_version(
    store: &StoreKey,
    id: &StoreId,
    key: &Key,
    number: u32,
    rng: &mut impl CryptoRng,
) -> Result<(RecordFile, [u8; 32]), KeyError> {
    let version = key.version(number).ok_or(KeyError::NoVersion)?;
    let secret = VersionSecret::of(&version.material);
    let plain = encoded_secret(&secret, secret.encoded_len()).map_err(|_| KeyError::Internal)?;
    let kind = RecordKind::Version;
    let bytes = seal_record(store, kind, &header(id, key, kind, number), &plain, rng)
        .map_err(|_| KeyError::Internal)?;
    let hash = hash(&bytes);
    let name = RecordFile::version_name(number);
    Ok((RecordFile { name, bytes }, hash))
}

/// The file `key`.
pub(crate) fn seal_key(
    store: &StoreKey,
    id: &StoreId,
    key: &Key,
    store_generation: u64,
    rng: &mut impl CryptoRng,
) -> Result<RecordFile, KeyError> {
    let record = KeyRecord {
        store_generation,
        settings: key.settings,
        versions: key.versions.iter().map(|version| version.entry).collect(),
    };
    let plain = encoded(&record).map_err(|_| KeyError::Internal)?;
    let kind = RecordKind::Key;
    let bytes =
        seal_record(store, kind, &header(id, key, kind, 0), &plain, rng).map_err(|_| KeyError::Internal)?;
    Ok(RecordFile {
        name: "key".to_owned(),
        bytes,
    })
}

/// Opens a key from its folder: the file `key` and the files of versions, in any order. Files of versions that the key does not list
/// are not looked at: they are what a break-off or a trim left. Gives also the store generation that was written with it, which
/// [`Head::judge`](super::Head::judge) compares.
pub fn open_key(
    store: &StoreKey,
    id: &StoreId,
    name: &KeyName,
    key: &[u8],
    versions: &[RecordIn<'_>],
) -> Result<(Key, u64), RecordError> {
    let (found, _) = parse(key)?;
    // Type, policy and id are the record's own; the box is bound to them, and so is each version's.
    let mut expected = RecordHeader::of_store(id, RecordKind::Key, 0);
    expected.name = name.as_str().to_owned();
    (expected.key, expected.key_type, expected.policy) = (found.key, found.key_type, found.policy);
    let (header, plain) = open_record(store, RecordKind::Key, &expected, key)?;
    let record = KeyRecord::try_from_slice(plain.expose()).map_err(|_| RecordError::Damaged)?;
    let key_type = KeyType::from_number(header.key_type).ok_or(RecordError::Format)?;
    check_versions(&record)?;

    let mut opened = Vec::with_capacity(record.versions.len());
    for entry in &record.versions {
        let missing = RecordError::Version(entry.version);
        let file = versions
            .iter()
            .find(|file| file.version == entry.version)
            .ok_or(missing)?;
        if hash(file.bytes) != entry.hash {
            return Err(missing);
        }
        let mut expected = header.clone();
        (expected.kind, expected.version) = (RecordKind::Version as u8, entry.version);
        let (_, plain) = open_record(store, RecordKind::Version, &expected, file.bytes)?;
        let secret = VersionSecret::try_from_slice(plain.expose()).map_err(|_| RecordError::Damaged)?;
        opened.push(Version {
            entry: *entry,
            material: Arc::new(secret.material(key_type, &header.policy)?),
        });
    }
    let key = Key {
        id: KeyId(header.key),
        name: name.clone(),
        key_type,
        policy: header.policy,
        settings: record.settings,
        generation: header.generation,
        versions: opened,
    };
    Ok((key, record.store_generation))
}

/// Ascending without a gap, from the least that is available to the latest.
fn check_versions(record: &KeyRecord) -> Result<(), RecordError> {
    let expected = record.settings.min_available.max(1)..=record.settings.latest;
    if !expected.is_empty() && expected.eq(record.versions.iter().map(|entry| entry.version)) {
        Ok(())
    } else {
        Err(RecordError::Damaged)
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
