//! Tests that concern more than one file, and what all tests use.

mod backups;
mod ciphertexts;
mod counting;
mod known_answers;
mod records;
mod signatures;
mod unlocking;
mod versions;
mod wycheproof;

use core::convert::Infallible;
use std::sync::Arc;

use crannog_seal::keyd::StoreKey;
use data_encoding::HEXLOWER_PERMISSIVE;
use rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

use crate::{Change, Commit, Key, KeyName, KeySpec, KeyType, NewSlot, RecoveryKey, StoreId, UnlockFile};

pub(crate) const STORE: StoreId = StoreId([0x5A; 16]);
pub(crate) const NOW: i64 = 1_790_000_000_000;

/// SplitMix64: repeatable, and without repetitions in what is drawn.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|n| n as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Ok(z ^ (z >> 31))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

// It is not fit for secrets; the trait is what the functions under test ask for.
impl TryCryptoRng for Random {}

/// A slot of a key file and one of a recovery key, drawn from this seed.
pub(crate) fn unlock_file(seed: u64) -> (UnlockFile, RecoveryKey) {
    let mut rng = Random::new(seed);
    let recovery = RecoveryKey::generate(&mut rng);
    let file = UnlockFile::create(
        &STORE,
        &store_key(),
        &NewSlot::KeyFile(&[7; 32]),
        &recovery,
        &mut rng,
    );
    (file.unwrap(), recovery)
}

/// A file of `vectors/keyd/`.
pub(crate) fn file(name: &str) -> Value {
    let path = format!("{}/../../vectors/keyd/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let bytes = <std::fs::File as std::io::Read>::bytes(open(&path));
    serde_json::from_slice(&bytes.collect::<Result<Vec<u8>, _>>().unwrap()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn open(path: &str) -> std::fs::File {
    std::fs::File::open(path).unwrap()
}

/// Runs each test of a file in Wycheproof's shape, with its group.
pub(crate) fn vectors(name: &str, mut run: impl FnMut(&Value, &Value)) {
    let file = file(name);
    let mut count = 0;
    for group in file["groups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            run(group, test);
            count += 1;
        }
    }
    assert!(count > 0, "{name} is empty");
}

/// A member in hex.
pub(crate) fn bytes(value: &Value, member: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE
        .decode(value[member].as_str().unwrap().as_bytes())
        .unwrap()
}

pub(crate) fn store_key() -> StoreKey {
    StoreKey::generate(&mut Random::new(99))
}

pub(crate) fn name(text: &str) -> KeyName {
    KeyName::parse(text).unwrap()
}

pub(crate) fn commit(change: Change, store_generation: u64) -> Commit {
    change
        .seal(
            &store_key(),
            &STORE,
            store_generation,
            &mut Random::new(store_generation),
        )
        .unwrap()
}

pub(crate) fn next(change: Change) -> Arc<Key> {
    commit(change, 1).key
}

pub(crate) fn key(spec: &KeySpec) -> Arc<Key> {
    next(Key::generate(name("test"), spec, NOW, &mut Random::new(7)).unwrap())
}

/// Specs of every type that can be made here, derived too where that is possible. Of RSA only one: a pair takes a second.
pub(crate) fn specs() -> Vec<KeySpec> {
    let mut specs = Vec::new();
    for &key_type in KeyType::ALL {
        if matches!(key_type, KeyType::Fernet | KeyType::Rsa4096) {
            continue;
        }
        let mut spec = KeySpec::new(key_type);
        specs.push(spec);
        if key_type.can().derive {
            spec.policy.derived = true;
            specs.push(spec);
        }
    }
    specs
}
