//! Keys from outside, as an import unwraps them, and the recovery key as somebody types it.

use crannog_keyd_keys::{ExportKind, Format, Key, KeyName, KeySpec, KeyType, RecoveryKey};

use super::fixed::{Fixed, NOW, STORE, store_key};

/// A type, a line feed, the material; or `recovery`, a line feed, the text.
pub fn import(data: &[u8]) -> bool {
    let Some((word, material)) = super::first_line(data) else {
        return false;
    };
    if word == "recovery" {
        return std::str::from_utf8(material).is_ok_and(recovery);
    }
    let Some(key_type) = KeyType::parse(word) else {
        return false;
    };
    let mut spec = KeySpec::new(key_type);
    spec.policy.exportable = true;
    let name = KeyName::parse("test").expect("a name");
    let change = Key::import(name, &spec, material, NOW, &mut Fixed(1));
    let Ok(change) = change else { return false };
    let commit = change
        .seal(&store_key(), &STORE, 2, &mut Fixed(2))
        .expect("what was imported");
    for what in [
        ExportKind::EncryptionKey,
        ExportKind::SigningKey,
        ExportKind::HmacKey,
        ExportKind::PublicKey,
    ] {
        for format in [Format::Default, Format::Pem, Format::Der] {
            let _ = commit.key.export(what, None, format);
        }
    }
    true
}

fn recovery(text: &str) -> bool {
    let Ok(key) = RecoveryKey::parse(text) else {
        return false;
    };
    assert_eq!(*key.to_text(), text.trim().to_ascii_lowercase());
    true
}
