//! Backups open in their own store and with its recovery key, and restore a key without its uses.

use crannog_seal::keyd::StoreKey;

use super::{NOW, Random, STORE, key, name, next, store_key, unlock_file};
use crate::{
    BackupOpener, Cipher, Key, KeyError, KeySpec, KeyType, Plain, RecoveryKey, StoreId, USES_LIMIT,
    UnlockFile, Uses, restore,
};

fn recovery() -> (UnlockFile, RecoveryKey) {
    unlock_file(51)
}

fn backed_up(key: &Key) -> Result<String, KeyError> {
    let (file, _) = recovery();
    key.backup(
        &store_key(),
        &STORE,
        file.recovery_slot().unwrap(),
        &mut Random::new(52),
    )
}

fn open() -> KeySpec {
    let mut spec = KeySpec::new(KeyType::Xaes256Gcm);
    (spec.policy.exportable, spec.policy.plaintext_backup) = (true, true);
    spec
}

#[test]
fn a_backup_restores_in_its_store_and_by_the_recovery_key() {
    let mut rng = Random::new(53);
    let made = next(key(&open()).rotate(NOW, &mut rng).unwrap());
    let sealed = made
        .encrypt(&Plain::new(b"text"), &mut Uses::uncounted(), &mut rng)
        .unwrap();
    let text = backed_up(&made).unwrap();
    assert!(text.starts_with("crannog-keyd-backup:1:"));
    let (store, (_, recovery)) = (store_key(), recovery());
    let here = BackupOpener::Store {
        key: &store,
        id: &STORE,
    };
    for open in [here, BackupOpener::Recovery(&recovery)] {
        let commit = super::commit(
            restore(&text, &open, Some(name("back")), NOW, &mut rng).unwrap(),
            1,
        );
        // Both versions and the key.
        assert_eq!(commit.files.len(), 3);
        let back = commit.key;
        assert_eq!(
            (back.name().as_str(), back.generation(), back.latest()),
            ("back", 1, 2)
        );
        assert_ne!(back.id(), made.id());
        assert_eq!(
            back.decrypt(&Cipher::new(&sealed.text)).unwrap().expose(),
            b"text"
        );
    }
    let elsewhere = BackupOpener::Store {
        key: &store,
        id: &StoreId([0; 16]),
    };
    assert_eq!(
        restore(&text, &elsewhere, None, NOW, &mut rng).err(),
        Some(KeyError::BackupElsewhere)
    );
    let other = StoreKey::generate(&mut rng);
    let wrong = BackupOpener::Store {
        key: &other,
        id: &STORE,
    };
    assert_eq!(
        restore(&text, &wrong, None, NOW, &mut rng).err(),
        Some(KeyError::BackupUnopened)
    );
    let other = RecoveryKey::generate(&mut rng);
    let wrong = BackupOpener::Recovery(&other);
    assert_eq!(
        restore(&text, &wrong, None, NOW, &mut rng).err(),
        Some(KeyError::BackupUnopened)
    );
}

/// KEY-013.
#[test]
fn only_keys_that_were_made_for_it_are_backed_up() {
    let mut spec = open();
    spec.policy.plaintext_backup = false;
    assert_eq!(backed_up(&key(&spec)).err(), Some(KeyError::BackupDisallowed));
    let mut spec = open();
    spec.policy.exportable = false;
    assert_eq!(backed_up(&key(&spec)).err(), Some(KeyError::BackupNotExportable));
}

#[test]
fn uses_do_not_come_back() {
    let mut rng = Random::new(54);
    let mut spec = open();
    spec.key_type = KeyType::Aes256Gcm96;
    let store = store_key();
    let here = BackupOpener::Store {
        key: &store,
        id: &STORE,
    };
    let text = backed_up(&key(&spec)).unwrap();
    let back = next(restore(&text, &here, None, NOW, &mut rng).unwrap());
    assert_eq!(
        (back.latest(), back.reserved(1), back.reserved(2)),
        (2, Some(USES_LIMIT), Some(0))
    );
    assert_eq!(back.generation(), 1);
    // Imported for good: it decrypts, and encrypts no more.
    let imported = next(Key::import(name("i"), &spec, &[1; 32], NOW, &mut rng).unwrap());
    let text = backed_up(&imported).unwrap();
    let back = next(restore(&text, &here, None, NOW, &mut rng).unwrap());
    assert_eq!((back.latest(), back.reserved(1)), (1, Some(USES_LIMIT)));
}
