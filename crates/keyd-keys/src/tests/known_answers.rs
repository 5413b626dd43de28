//! A small store as it lies on disk, in `vectors/keyd/store.json`, for other implementations and later versions: it must open.
//!
//! The file is written anew only with `CRANNOG_BLESS=1`; a change of one that was released is a change of the format.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::{NOW, Random, STORE, bytes, commit, file, name, store_key};
use crate::{
    BackupOpener, Cipher, Counter, ExportKind, Format, Found, Head, Judgement, Key, KeySpec, KeyType,
    NewSlot, Opener, Plain, RecordIn, RecoveryKey, StoreId, Taken, UnlockFile, Uses, Verdict, open_key,
    restore,
};

const KEY_FILE: [u8; 32] = [7; 32];
const TYPES: [KeyType; 4] = [
    KeyType::Xaes256Gcm,
    KeyType::Aes256Gcm96,
    KeyType::XChaCha20Poly1305,
    KeyType::Aes256GcmSiv,
];

fn made() -> Value {
    let (store, mut rng) = (store_key(), Random::new(61));
    let recovery = RecoveryKey::generate(&mut rng);
    let unlock =
        UnlockFile::create(&STORE, &store, &NewSlot::KeyFile(&KEY_FILE), &recovery, &mut rng).unwrap();
    let mut head = Head::new(NOW);
    let mut keys = Vec::new();
    for key_type in TYPES {
        let mut spec = KeySpec::new(key_type);
        (spec.policy.exportable, spec.policy.plaintext_backup) = (true, true);
        let mut done = commit(
            Key::generate(name(key_type.as_str()), &spec, NOW, &mut rng).unwrap(),
            head.generation() + 1,
        );
        head = head.with(&done.key);
        let version = done.files[0].bytes.clone();
        let mut uses = Uses::uncounted();
        if let Some(counter) = Counter::resume(&done.key, 1) {
            done = commit(
                done.key.reserve(1, crate::USES_BLOCK).unwrap(),
                head.generation() + 1,
            );
            head = head.with(&done.key);
            counter.extend(&done.key);
            if let Taken::Granted(one) = counter.take(1) {
                uses = one;
            }
        }
        let item = Plain {
            associated_data: Some(b"data"),
            ..Plain::new(b"plaintext")
        };
        let exported = done
            .key
            .export(ExportKind::EncryptionKey, None, Format::Default)
            .unwrap();
        keys.push(json!({
            "name": key_type.as_str(), "key": hex(&done.files.last().unwrap().bytes), "version_1": hex(&version),
            "exported": exported[0].text.expose(),
            "plaintext": "plaintext", "associated_data": "data",
            "ciphertext": done.key.encrypt(&item, &mut uses, &mut rng).unwrap().text,
            "backup": done.key.backup(&store, &STORE, unlock.recovery_slot().unwrap(), &mut rng).unwrap(),
        }));
    }
    json!({
        "store": hex(&STORE.0), "key_file": hex(&KEY_FILE), "recovery": *recovery.to_text(),
        "unlock": hex(&unlock.to_bytes().unwrap()), "head": hex(&head.seal(&store, &STORE, &mut rng).unwrap()), "keys": keys,
    })
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn bless() {
    if std::env::var("CRANNOG_BLESS").is_ok_and(|value| value == "1") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/keyd/store.json");
        std::fs::write(path, format!("{:#}\n", made())).unwrap();
    }
}

#[test]
fn a_store_of_before_opens() {
    bless();
    let file = file("store");
    let id = StoreId(bytes(&file, "store").try_into().unwrap());
    let unlock = UnlockFile::parse(&bytes(&file, "unlock")).unwrap();
    let recovery = RecoveryKey::parse(file["recovery"].as_str().unwrap()).unwrap();
    let key_file = bytes(&file, "key_file").try_into().unwrap();
    assert_eq!(unlock.store(), id);
    for with in [Opener::KeyFile(&key_file), Opener::Recovery(&recovery)] {
        let store = unlock.open(&with).unwrap();
        let head = Head::open(&store, &id, &bytes(&file, "head")).unwrap();
        let mut found = Vec::new();
        for case in file["keys"].as_array().unwrap() {
            let text = |member: &str| case[member].as_str().unwrap();
            let version = bytes(case, "version_1");
            let versions = [RecordIn {
                version: 1,
                bytes: &version,
            }];
            let (key, written) =
                open_key(&store, &id, &name(text("name")), &bytes(case, "key"), &versions).unwrap();
            let exported = key
                .export(ExportKind::EncryptionKey, Some(1), Format::Default)
                .unwrap();
            assert_eq!(exported[0].text.expose(), text("exported"));
            let item = Cipher {
                associated_data: Some(text("associated_data").as_bytes()),
                ..Cipher::new(text("ciphertext"))
            };
            assert_eq!(key.decrypt(&item).unwrap().expose(), text("plaintext").as_bytes());
            let opener = BackupOpener::Recovery(&recovery);
            let back = restore(text("backup"), &opener, None, NOW, &mut Random::new(1)).unwrap();
            assert_eq!(
                super::next(back).decrypt(&item).unwrap().expose(),
                text("plaintext").as_bytes()
            );
            found.push(Found::of(&key, written));
        }
        let Judgement::Opens(verdicts) = head.judge(&found) else {
            panic!("refused");
        };
        assert_eq!(verdicts.len(), TYPES.len());
        assert!(verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Current));
    }
}
