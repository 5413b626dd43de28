//! Our own known answers, in `vectors/seal/*.json`: inputs and outputs in hex, for other implementations.
//!
//! Randomness is the bytes 0, 1, 2, ... in the order drawn. A file is written anew only with `CRANNOG_BLESS=1`; a change of
//! one that was released is a change of the format.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::asym::{self, Info};
use crate::content::ContentKey;
use crate::floe::{self, Aad};
use crate::keyd::{AuditRoot, SlotKey, StoreKey};
use crate::password::{self, KdfParams, LocalDatabaseKey};
use crate::schedule::{
    AccountGeneration, AccountSecret, AdminSecret, DeviceKeys, DeviceSeed, EpochSecrets, ReadSecret,
    RecoveryWords, WriteSecret,
};
use crate::secret::Secret32;
use crate::test_rng::CountingRng;
use crate::{kdf, labels};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn compare(name: &str, actual: &Value) {
    let path = format!("{}/../../vectors/seal/{name}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("CRANNOG_BLESS").is_some_and(|v| v == "1") {
        std::fs::write(&path, format!("{actual:#}\n")).unwrap();
    }
    let expected: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(*actual, expected, "{name}");
}

fn rng() -> CountingRng {
    CountingRng::default()
}

#[test]
fn kdf_known_answers() {
    let secret = ReadSecret::from_bytes(&[0x11; 32]);
    let case = |context: &[u8]| {
        let out: ReadSecret = kdf::derive(&secret, labels::DERIVE_BODY_KEY, context);
        json!({ "secret": hex([0x11; 32]), "label": labels::DERIVE_BODY_KEY.as_str(), "context": hex(context),
                "out": hex(out.expose()) })
    };
    compare("kdf", &json!([case(b""), case(b"context"), case(&[0; 40])]));
}

fn epoch_case(journal: u8, epoch: u64) -> Value {
    let secrets = EpochSecrets::new(
        &[journal; 32],
        epoch,
        ReadSecret::from_bytes(&[1; 32]),
        Some(WriteSecret::from_bytes(&[2; 32])),
        Some(AdminSecret::from_bytes(&[3; 32])),
    );
    json!({
        "journal": hex([journal; 32]), "epoch": epoch,
        "K": hex([1; 32]), "W": hex([2; 32]), "A": hex([3; 32]),
        "read_token": hex(secrets.read_token().expose()),
        "body_key": hex(secrets.body_key().expose()),
        "notice_key": hex(secrets.notice_key().expose()),
        "previous_epoch_key": hex(secrets.previous_epoch_key().expose()),
        "envelope_tag_key": hex(secrets.envelope_tag_key().expose()),
        "P": hex(secrets.append().unwrap().expose()),
        "append_public": hex(secrets.append_key().unwrap().public()),
        "write_public": hex(secrets.write_key().unwrap().public()),
        "admin_public": hex(secrets.admin_key().unwrap().public()),
        "body": { "header": hex(b"header"), "plain": hex(b"body"),
                  "sealed": hex(secrets.body_key().seal(b"header", b"body", &mut rng())) },
        "previous_K": { "K": hex([4; 32]),
                        "wrapped": hex(secrets.previous_epoch_key().wrap(&ReadSecret::from_bytes(&[4; 32]), &mut rng())) },
    })
}

#[test]
fn epoch_known_answers() {
    compare(
        "epoch",
        &json!([
            epoch_case(0xAA, 0),
            epoch_case(0xAA, 1),
            epoch_case(0xBB, u64::from(u32::MAX) + 1)
        ]),
    );
}

fn account_case(account: &AccountGeneration) -> Value {
    let home = account.home_secrets(&[0xCC; 32]);
    let previous = AccountSecret::from_bytes(&[6; 32]);
    let wrapped =
        account
            .previous_generation_key()
            .wrap(&[0xEE; 32], account.generation(), &previous, &mut rng());
    json!({
        "secret": hex(account.secret().expose()), "root": hex([0xDD; 32]), "generation": account.generation(),
        "signing_public": hex(account.signing_key().public()),
        "kem_seed": hex(account.kem_key().expose()),
        "kem_public": hex(account.kem_key().public().to_bytes()),
        "home_read": hex(home.read().expose()),
        "home_write": hex(home.write().unwrap().expose()),
        "home_admin": hex(home.admin().unwrap().expose()),
        "home_journal": hex([0xCC; 32]),
        "home_read_token": hex(home.read_token().expose()),
        "previous_generation_key": hex(account.previous_generation_key().expose()),
        "previous": { "account": hex([0xEE; 32]), "secret": hex([6; 32]), "wrapped": hex(wrapped) },
    })
}

#[test]
fn account_known_answers() {
    let at = |g| account_case(&AccountSecret::from_bytes(&[5; 32]).bind(&[0xDD; 32], g));
    compare("account", &json!([at(0), at(7)]));
}

#[test]
fn device_known_answers() {
    let keys = DeviceKeys::new(&DeviceSeed::from_bytes(&[8; 32]), &[9; 16]);
    compare(
        "device",
        &json!({
            "seed": hex([8; 32]), "device": hex([9; 16]),
            "signing_public": hex(keys.signing.public()),
            "signature_of_empty": hex(keys.signing.sign(b"")),
            "kem_seed": hex(keys.kem.expose()),
            "kem_public": hex(keys.kem.public().to_bytes()),
        }),
    );
}

#[test]
fn words_known_answers() {
    let case = |words: &RecoveryWords| {
        json!({ "words": *words.phrase(),
                "root_public": hex(words.root_signing_key().public()),
                "recovery_kem_seed": hex(words.recovery_kem_key().expose()),
                "recovery_kem_public": hex(words.recovery_kem_key().public().to_bytes()) })
    };
    let fixed =
        RecoveryWords::parse("legal winner thank year wave sausage worth useful legal winner thank yellow");
    compare(
        "words",
        &json!([case(&RecoveryWords::generate(&mut rng())), case(&fixed.unwrap())]),
    );
}

#[test]
fn floe_known_answers() {
    let key = ContentKey::from_bytes(&[0x22; 32]);
    let case = |plain: &[u8]| {
        json!({ "key": hex([0x22; 32]), "label": labels::SEAL_CHUNK.as_str(), "context": hex([1]),
                "plain": hex(plain), "sealed": hex(key.seal(plain, &mut rng())) })
    };
    // One byte past the first segment; its hash stands for 65 KiB of hex.
    let long = key.seal(&vec![0x33; floe::SEGMENT_PLAIN_LEN + 1], &mut rng());
    let long = json!({ "key": hex([0x22; 32]), "label": labels::SEAL_CHUNK.as_str(), "context": hex([1]),
                       "plain_repeats": { "byte": "33", "count": floe::SEGMENT_PLAIN_LEN + 1 },
                       "sealed_len": long.len(), "sealed_sha256": hex(digest(&SHA256, &long)) });
    compare("floe", &json!([case(b""), case(b"crannog"), long]));
}

#[test]
fn hpke_known_answers() {
    let keys = DeviceKeys::new(&DeviceSeed::from_bytes(&[8; 32]), &[9; 16]);
    let context = [[0xEE; 32].as_slice(), &7_u32.to_le_bytes()].concat();
    let info = Info::new(labels::WRAP_ACCOUNT_SECRET, &context);
    let wrapped = asym::wrap(&keys.kem.public(), info, b"", &[5; 32], &mut rng());
    assert_eq!(**asym::unwrap(&keys.kem, info, b"", &wrapped).unwrap(), [5; 32]);
    compare(
        "hpke",
        &json!({
            "kem_seed": hex(keys.kem.expose()), "label": labels::WRAP_ACCOUNT_SECRET.as_str(), "context": hex(&context),
            "aad": "", "plain": hex([5; 32]), "wrapped": hex(wrapped),
        }),
    );
}

#[test]
fn password_known_answers() {
    let key = LocalDatabaseKey::from_bytes(&[0x44; 32]);
    let file = password::wrap("pässword", &key, KdfParams::FLOOR, &mut rng()).unwrap();
    compare(
        "password",
        &json!({
            "password": "pässword", "m_kib": 65_536, "t": 3, "p": 1, "key": hex([0x44; 32]), "file": hex(file),
        }),
    );
}

#[test]
fn keyd_known_answers() {
    let (store, id) = ([0xA0; 16], [0xA1; 16]);
    let key = StoreKey::generate(&mut rng());
    let record = |kind, label: labels::Label| {
        let record_key = key.record_key(&store, kind);
        let sealed = floe::seal(&record_key, Aad::new(label, b"header"), b"record", &mut rng());
        json!({ "kind": kind, "key": hex(record_key.expose()), "label": label.as_str(), "context": hex(b"header"),
                "plain": hex(b"record"), "sealed": hex(sealed) })
    };
    let slot = |slot: &SlotKey| {
        let wrapped = key.wrap(slot, b"slot", &mut rng());
        json!({ "slot_key": hex(slot.expose()), "context": hex(b"slot"), "wrapped": hex(wrapped) })
    };
    let passphrase = SlotKey::from_passphrase("pässphrase here", KdfParams::FLOOR, &[0xA3; 16]).unwrap();
    let root = AuditRoot::from_bytes(&[0xA4; 32]);
    compare(
        "keyd",
        &json!({
            "store": hex(store), "id": hex(id), "store_key": hex(key.expose()),
            "backup_key": hex(key.backup_key(&store).expose()),
            "token_key": hex(key.token_key(&store).expose_to_mac()),
            "records": [
                record(1, labels::SEAL_KEYD_HEAD), record(2, labels::SEAL_KEYD_KEY), record(3, labels::SEAL_KEYD_VERSION),
                record(4, labels::SEAL_KEYD_AUDIT_ROOT), record(5, labels::SEAL_KEYD_ANCHOR),
            ],
            "key_file": { "file": hex([0xA2; 32]), "slot": slot(&SlotKey::from_key_file(&[0xA2; 32], &store, &id)) },
            "recovery": { "key": hex([0xA2; 32]), "slot": slot(&SlotKey::from_recovery(&[0xA2; 32], &store, &id)) },
            "passphrase": { "passphrase": "pässphrase here", "m_kib": 65_536, "t": 3, "p": 1, "salt": hex([0xA3; 16]),
                            "slot": slot(&passphrase) },
            "audit": { "root": hex([0xA4; 32]), "public": hex(root.signing_key(&store).public()),
                       "value_key": hex(root.value_key(&store).expose_to_hash()) },
        }),
    );
}
