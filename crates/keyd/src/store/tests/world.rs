//! What the tests use: a store key and a disk with an empty store on it.

use std::sync::Arc;

use crannog_keyd_keys::{Key, KeyName, KeySpec, KeyType, NewSlot, Opener, RecoveryKey, StoreId, UnlockFile};
use crannog_seal::keyd::StoreKey;
use tokio::runtime::{Builder, Runtime};

use super::super::disk::fake::Fake;
use super::super::*;

pub(super) const NOW: i64 = 1_790_000_000_000;
const FILE: [u8; 32] = [7; 32];

pub(super) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub(super) fn name(text: &str) -> KeyName {
    KeyName::parse(text).unwrap()
}

pub(super) fn counted() -> KeySpec {
    KeySpec::new(KeyType::Aes256Gcm96)
}

pub(super) fn uncounted() -> KeySpec {
    KeySpec::new(KeyType::Xaes256Gcm)
}

/// Makes an empty store.
pub(super) fn make(dir: &StateDir) -> Result<(), StoreError> {
    let (id, mut rng) = (StoreId([0x5A; 16]), rand::rng());
    let key = StoreKey::generate(&mut rng);
    let recovery = RecoveryKey::generate(&mut rng);
    let unlock = UnlockFile::create(&id, &key, &NewSlot::KeyFile(&FILE), &recovery, &mut rng).unwrap();
    dir.make(&key, &unlock, NOW)
}

/// A disk with an empty store.
pub(super) fn disk() -> Fake {
    let disk = Fake::default();
    make(&StateDir::on(Arc::new(disk.clone()))).unwrap();
    disk
}

pub(super) fn unlocked(dir: &StateDir) -> Result<StoreKey, StoreError> {
    let file = dir.unlock_file()?;
    file.open(&Opener::KeyFile(&FILE)).map_err(StoreError::Unlock)
}

pub(super) fn open_with(disk: &Fake, witness: Option<Witness>) -> Result<(Store, Findings), StoreError> {
    let dir = StateDir::on(Arc::new(disk.clone()));
    let key = unlocked(&dir)?;
    Store::open(dir, key, witness)
}

pub(super) fn open(disk: &Fake) -> Result<(Store, Findings), StoreError> {
    open_with(disk, None)
}

/// Opens a store in which nothing was found.
pub(super) fn clean(disk: &Fake) -> Store {
    let (store, findings) = open(disk).unwrap();
    assert_eq!(findings, Findings::default());
    store
}

pub(super) async fn create(store: &Store, text: &str, spec: &KeySpec) -> Result<Arc<Key>, StoreError> {
    store
        .commit(Key::generate(name(text), spec, NOW, &mut rand::rng())?)
        .await
}

pub(super) async fn rotate(store: &Store, text: &str) -> Result<Arc<Key>, StoreError> {
    let key = store.get(&name(text))?;
    store.commit(key.rotate(NOW, &mut rand::rng())?).await
}
