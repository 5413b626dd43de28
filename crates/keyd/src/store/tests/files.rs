//! On the file system of this machine.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::super::*;
use super::world::*;

fn open_at(path: &Path) -> Result<(Store, Findings), StoreError> {
    let dir = StateDir::lock(path)?;
    let key = unlocked(&dir)?;
    Store::open(dir, key, None)
}

#[test]
fn a_store_lives_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(matches!(open_at(path), Err(StoreError::NotInstalled)));
    make(&StateDir::lock(path).unwrap()).unwrap();
    let (store, _) = open_at(path).unwrap();
    // One process at a time.
    assert!(matches!(StateDir::lock(path), Err(StoreError::InUse)));
    runtime().block_on(async {
        create(&store, "Shop-1", &counted()).await.unwrap();
        let key = create(&store, "gone", &counted()).await.unwrap();
        store.take_uses(&key, 1, 1).await.unwrap();
        rotate(&store, "Shop-1").await.unwrap();
    });
    // The reservation ahead is over when the runtime is.
    runtime()
        .block_on(async { store.delete(&store.get(&name("gone"))?).await })
        .unwrap();
    drop(store);

    for file in [
        "head",
        "unlock",
        "audit-root",
        "lock",
        "keys/^shop-1/key",
        "keys/^shop-1/v000002",
    ] {
        let mode = fs::metadata(path.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{file}");
    }
    for made in ["keys", "tmp", "audit", "keys/^shop-1"] {
        let mode = fs::metadata(path.join(made)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700, "{made}");
    }
    assert!(!path.join("keys/gone").exists());
    assert_eq!(fs::read_dir(path.join("tmp")).unwrap().count(), 0);
    let (store, findings) = open_at(path).unwrap();
    assert_eq!(findings, Findings::default());
    assert_eq!(store.names(), [name("Shop-1")]);
    assert_eq!(store.get(&name("Shop-1")).unwrap().latest(), 2);
}

#[test]
fn a_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, outside) = (folder.path().join("state"), folder.path().join("outside"));
    fs::create_dir(&path).unwrap();
    fs::write(&outside, b"precious").unwrap();
    make(&StateDir::lock(&path).unwrap()).unwrap();
    symlink(&outside, path.join("tmp/link")).unwrap();
    drop(open_at(&path).unwrap());
    assert!(!path.join("tmp/link").exists());
    assert_eq!(fs::read(&outside).unwrap(), b"precious");
    fs::rename(path.join("head"), folder.path().join("head")).unwrap();
    symlink(folder.path().join("head"), path.join("head")).unwrap();
    assert!(matches!(open_at(&path), Err(StoreError::Io { .. })));
}

#[test]
fn an_unlocking_file_is_replaced_by_one_of_the_same_store() {
    let folder = tempfile::tempdir().unwrap();
    let dir = StateDir::lock(folder.path()).unwrap();
    make(&dir).unwrap();
    let (key, file) = (unlocked(&dir).unwrap(), dir.unlock_file().unwrap());
    let slot = crannog_keyd_keys::NewSlot::KeyFile(&[8; 32]);
    let more = file.add(&key, &slot, &mut rand::rng()).unwrap();
    dir.replace_unlock_file(&more).unwrap();
    assert_eq!(dir.unlock_file().unwrap(), more);
    let other = UnlockFile::create(
        &StoreId([1; 16]),
        &key,
        &slot,
        &crannog_keyd_keys::RecoveryKey::generate(&mut rand::rng()),
        &mut rand::rng(),
    )
    .unwrap();
    assert!(matches!(
        dir.replace_unlock_file(&other),
        Err(StoreError::Occupied)
    ));
    assert_eq!(dir.unlock_file().unwrap(), more);
}
