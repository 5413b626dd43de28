//! Files of a store, backups.

use crannog_fuzz::keyd::fixed::{Fixed, KEY_FILE, NOW, STORE, made, recovery_key, store_key};
use crannog_fuzz::keyd::store::recovery_slot;
use crannog_keyd_keys::{
    Head, KeyType, NewSlot, RecordHeader, RecordKind, RecoveryKey, Slot, StoreId, UnlockFile, seal_record,
};
use crannog_seal::floe::{self, Aad};
use crannog_seal::labels::SEAL_KEYD_BACKUP;
use data_encoding::BASE64;

use crate::{edited, seed};

/// Where the kind of the first slot stands: after magic, store and count.
const KIND: usize = 28;

pub fn write() {
    unlock();
    heads();
    folders();
    backups();
}

fn unlock() {
    let file = |first: &NewSlot<'_>, recovery: &RecoveryKey| {
        UnlockFile::create(&STORE, &store_key(), first, recovery, &mut Fixed(10)).expect("an unlocking file")
    };
    let two = file(&NewSlot::KeyFile(&KEY_FILE), &recovery_key());
    let three = two.add(&store_key(), &NewSlot::KeyFile(&[8; 32]), &mut Fixed(11));
    let others = file(
        &NewSlot::KeyFile(&[8; 32]),
        &RecoveryKey::generate(&mut Fixed(12)),
    );
    let [two, three, others] =
        [two, three.expect("a third slot"), others].map(|file| file.to_bytes().expect("bytes"));
    let slots = |slots: &[Slot]| borsh::to_vec(&(*b"CRKDUNL1", STORE.0, slots)).expect("slots");

    let unlock = |name, bytes: &[u8]| seed("keyd_unlock", name, bytes);
    unlock("taken-two", &two);
    unlock("taken-three", &three);
    unlock("refused-others", &others);
    unlock("refused-version", &edited(&two, 7, b"2"));
    unlock("refused-kind", &edited(&two, KIND, &[9]));
    unlock("refused-count", &edited(&two, KIND - 4, &[0xff; 4]));
    unlock("taken-passphrase-bounds", &edited(&two, KIND, &[2]));
    unlock("refused-recovery-alone", &slots(&[recovery_slot()]));
    unlock(
        "refused-recovery-twice",
        &slots(&[recovery_slot(), recovery_slot()]),
    );
    unlock("refused-longer", &[&two[..], b"x"].concat());
}

fn heads() {
    let (key, id) = (store_key(), STORE);
    let record =
        |name, word: &str, bytes: &[u8]| seed("keyd_record", name, [word.as_bytes(), b"\n", bytes].concat());
    let sealed = |head: &Head| head.seal(&key, &id, &mut Fixed(13)).expect("a head");
    let empty = Head::new(NOW);
    let head = empty.with(&made(KeyType::Xaes256Gcm, false).key);
    record("taken-head-empty", "file head", &sealed(&empty));
    record("taken-head", "file head", &sealed(&head));
    let elsewhere = head
        .seal(&key, &StoreId([1; 16]), &mut Fixed(13))
        .expect("a head");
    record("refused-head-elsewhere", "file head", &elsewhere);
    record(
        "refused-head-version",
        "file head",
        &edited(&sealed(&head), 7, b"2"),
    );

    let header = RecordHeader::of_store(&id, RecordKind::AuditRoot, 1);
    let root = seal_record(&key, RecordKind::AuditRoot, &header, &[5; 32], &mut Fixed(14)).expect("a root");
    record("taken-root", "file root", &root);
    record("refused-root-as-head", "file head", &root);

    let plain = |generation: u64, names: &[&str]| {
        let keys: Vec<_> = names.iter().map(|name| ([6_u8; 16], *name, 3_u64)).collect();
        borsh::to_vec(&(generation, NOW, keys)).expect("a head")
    };
    record("taken-inside", "head", &plain(1, &["a", "b", "b-2"]));
    record("refused-inside-generation", "head", &plain(2, &["a"]));
    record("refused-inside-order", "head", &plain(1, &["b", "a"]));
    record("refused-inside-twice", "head", &plain(1, &["a", "a"]));
    record("refused-inside-name", "head", &plain(1, &["a/b"]));
    record(
        "refused-inside-count",
        "head",
        &edited(&plain(1, &["a"]), 16, &[0xff; 4]),
    );
}

fn folders() {
    let folder = |name: &str, key: &[u8], versions: &[&[u8]]| {
        let files = borsh::to_vec(&(key, versions)).expect("files");
        seed("keyd_record", name, [b"folder\n", &files[..]].concat());
    };
    let types = [
        KeyType::Xaes256Gcm,
        KeyType::Ed25519,
        KeyType::EcdsaP256,
        KeyType::Hmac,
    ];
    let mut before: Option<Vec<u8>> = None;
    for key_type in types {
        let commit = made(key_type, false);
        let file = |name: &str| {
            let file = commit.files.iter().find(|file| file.name == name);
            &file.expect("a file of the folder").bytes
        };
        let (key, version) = (file("key"), file("v000001"));
        folder(&format!("taken-folder-{}", key_type.as_str()), key, &[version]);
        if let Some(other) = before.replace(version.clone()) {
            let name = key_type.as_str();
            folder(&format!("refused-folder-{name}-missing"), key, &[]);
            folder(&format!("refused-folder-{name}-mixed"), key, &[&other]);
        }
    }
}

fn backups() {
    let types = [
        KeyType::Xaes256Gcm,
        KeyType::Aes256Gcm96,
        KeyType::EcdsaP384,
        KeyType::MlDsa65,
    ];
    let text_of = |key_type, id: &StoreId| {
        let key = made(key_type, false).key;
        key.backup(&store_key(), id, &recovery_slot(), &mut Fixed(15))
            .expect("a backup")
    };
    for key_type in types {
        let (name, text) = (key_type.as_str(), text_of(key_type, &STORE));
        seed("keyd_backup", &format!("taken-{name}"), &text);
        seed("keyd_backup", &format!("taken-inside-{name}"), inside(&text));
    }
    let text = text_of(KeyType::Xaes256Gcm, &STORE);
    let plain = inside(&text);
    let backup = |name, bytes: &[u8]| seed("keyd_backup", name, bytes);
    backup(
        "refused-elsewhere",
        text_of(KeyType::Xaes256Gcm, &StoreId([1; 16])).as_bytes(),
    );
    backup("refused-version", text.replace(":1:", ":2:").as_bytes());
    backup(
        "refused-base64",
        text.trim_end_matches('=').replace('A', "-").as_bytes(),
    );
    backup("refused-cut", &text.as_bytes()[..text.len() - 8]);
    backup("refused-inside-type", &edited(&plain, 24, &[99]));
    backup("refused-inside-cut", &plain[..plain.len() - 1]);
}

/// The plaintext of a backup's box.
fn inside(text: &str) -> Vec<u8> {
    let bytes = BASE64
        .decode(&text.as_bytes()["crannog-keyd-backup:1:".len()..])
        .expect("base64");
    let (_, _, sealed): ([u8; 16], Slot, Vec<u8>) = borsh::from_slice(&bytes).expect("a backup");
    let aad = Aad::new(SEAL_KEYD_BACKUP, &STORE.0);
    floe::open(&store_key().backup_key(&STORE.0), aad, &sealed).expect("a backup of this store")
}
