//! Files of the state directory, and backups. Nobody who lacks the store key gets past a box, so what lies in one is fuzzed sealed:
//! the input is the plaintext then.

use borsh::BorshDeserialize;
use crannog_keyd_audit::Anchor;
use crannog_keyd_keys::{
    BackupOpener, Cipher, Head, Key, KeyName, NewSlot, Opener, Plain, RecordError, RecordHeader, RecordIn,
    RecordKind, Slot, SlotKind, UnlockFile, Uses, open_key, open_record, restore, seal_record,
};
use crannog_seal::floe::{self, Aad};
use crannog_seal::labels::SEAL_KEYD_BACKUP;
use crannog_seal::password::KdfParams;
use data_encoding::BASE64;

use super::fixed::{Fixed, KEY_FILE, NOW, STORE, recovery_key, store_key};

/// An unlocking file. A passphrase is tried only where every slot refuses it unread: within bounds it costs a real derivation.
pub fn unlock(data: &[u8]) -> bool {
    let Ok(file) = UnlockFile::parse(data) else {
        return false;
    };
    assert_eq!(
        file.to_bytes().as_deref(),
        Ok(data),
        "an encoding that is not canonical was taken"
    );
    file.recovery_slot().expect("there is always one");
    for slot in file.slots() {
        if let Ok(fewer) = file.remove(slot.id()) {
            assert_eq!(fewer.slots().len() + 1, file.slots().len());
        }
    }
    let is_passphrase = |slot: &&Slot| slot.kind() == Some(SlotKind::Passphrase);
    let passphrases: Vec<&Slot> = file.slots().iter().filter(is_passphrase).collect();
    if !passphrases.is_empty() && passphrases.iter().all(|slot| out_of_bounds(slot)) {
        let error = file.open(&Opener::Passphrase("correct horse battery")).err();
        assert_eq!(error, Some(RecordError::KdfParams), "KEY-002");
    }
    let recovery = recovery_key();
    let openers = [Opener::KeyFile(&KEY_FILE), Opener::Recovery(&recovery)];
    let opened = openers.map(|with| file.open(&with).is_ok());
    opened.contains(&true)
}

/// Whether what a slot says of its derivation is outside floor or ceiling.
fn out_of_bounds(slot: &Slot) -> bool {
    let bytes = borsh::to_vec(slot).expect("a slot");
    let [m_kib, t, p] = [17, 21, 25].map(|at| {
        let word = bytes[at..at + 4].try_into().expect("four bytes");
        u32::from_le_bytes(word)
    });
    KdfParams::new(m_kib, t, p).is_err()
}

/// A word for what it is, a line feed, and: for `file head` and `file root` a whole file; for `head` and `anchor` the plaintext of a
/// box; for `folder` the files `key`, `v000001`, … in Borsh.
pub fn record(data: &[u8]) -> bool {
    match super::first_line(data) {
        Some(("file head", bytes)) => head(bytes),
        Some(("file root", bytes)) => {
            let expected = RecordHeader::of_store(&STORE, RecordKind::AuditRoot, 0);
            open_record(&store_key(), RecordKind::AuditRoot, &expected, bytes).is_ok()
        }
        Some(("head", plaintext)) => head(&sealed(RecordKind::Head, plaintext)),
        Some(("anchor", plaintext)) => anchor(plaintext),
        Some(("folder", files)) => folder(files),
        _ => false,
    }
}

fn sealed(kind: RecordKind, plaintext: &[u8]) -> Vec<u8> {
    let header = RecordHeader::of_store(&STORE, kind, 1);
    seal_record(&store_key(), kind, &header, plaintext, &mut Fixed(3)).expect("a record of the store")
}

fn head(bytes: &[u8]) -> bool {
    let Ok(head) = Head::open(&store_key(), &STORE, bytes) else {
        return false;
    };
    let again = head
        .seal(&store_key(), &STORE, &mut Fixed(4))
        .expect("a head that was opened");
    assert_eq!(Head::open(&store_key(), &STORE, &again), Ok(head.clone()));
    let names: Vec<KeyName> = head.keys().map(|(name, _)| name.clone()).collect();
    let _ = head.judge(&[]);
    for name in &names {
        assert!(head.without(name).keys().all(|(other, _)| other != name));
    }
    true
}

fn anchor(plaintext: &[u8]) -> bool {
    let Ok(anchor) = Anchor::try_from_slice(plaintext) else {
        return false;
    };
    assert_eq!(borsh::to_vec(&anchor).expect("an anchor"), plaintext);
    anchor.tree().is_some() && anchor.dropped_tree().is_some()
}

fn folder(files: &[u8]) -> bool {
    let Ok((key, versions)) = <(Vec<u8>, Vec<Vec<u8>>)>::try_from_slice(files) else {
        return false;
    };
    let versions: Vec<RecordIn<'_>> = (1..)
        .zip(&versions)
        .map(|(version, bytes)| RecordIn { version, bytes })
        .collect();
    let name = KeyName::parse("test").expect("a name");
    let Ok((key, _)) = open_key(&store_key(), &STORE, &name, &key, &versions) else {
        return false;
    };
    used(&key);
    true
}

/// A backup: its text, or else the plaintext of its box.
pub fn backup(data: &[u8]) -> bool {
    let sealed;
    let text = match std::str::from_utf8(data) {
        Ok(text) if text.starts_with("crannog-keyd-backup") => text,
        _ => {
            sealed = sealed_backup(data);
            &sealed
        }
    };
    let (key, recovery) = (store_key(), recovery_key());
    let openers = [
        BackupOpener::Store {
            key: &key,
            id: &STORE,
        },
        BackupOpener::Recovery(&recovery),
    ];
    let mut taken = false;
    for open in &openers {
        let Ok(change) = restore(text, open, None, NOW, &mut Fixed(5)) else {
            continue;
        };
        taken = true;
        if let Ok(commit) = change.seal(&key, &STORE, 2, &mut Fixed(6)) {
            used(&commit.key);
        }
    }
    taken
}

fn sealed_backup(plaintext: &[u8]) -> String {
    let (key, rng) = (store_key(), &mut Fixed(7));
    let aad = Aad::new(SEAL_KEYD_BACKUP, &STORE.0);
    let sealed = floe::seal(&key.backup_key(&STORE.0), aad, plaintext, rng);
    let bytes = borsh::to_vec(&(STORE.0, recovery_slot(), sealed)).expect("a backup");
    format!("crannog-keyd-backup:1:{}", BASE64.encode(&bytes))
}

/// The recovery slot of the store.
pub fn recovery_slot() -> Slot {
    let first = NewSlot::KeyFile(&KEY_FILE);
    let file = UnlockFile::create(&STORE, &store_key(), &first, &recovery_key(), &mut Fixed(8));
    file.and_then(|file| file.recovery_slot().cloned())
        .expect("a new unlocking file")
}

/// A key that was read can be asked for anything. Its settings may forbid it to open what it seals.
fn used(key: &Key) {
    let _ = (key.describe(None), key.due(NOW, 1 << 31));
    let sealed = key.encrypt(&Plain::new(b"plaintext"), &mut Uses::uncounted(), &mut Fixed(9));
    if let Ok(sealed) = sealed
        && let Ok(plain) = key.decrypt(&Cipher::new(&sealed.text))
    {
        assert_eq!(plain.expose(), b"plaintext");
    }
}
