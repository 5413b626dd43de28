//! Rotation, minima, trimming, export, description.

use super::{NOW, Random, key, name, next};
use crate::{
    Cipher, ConfigWish, ExportKind, Format, Key, KeyError, KeySpec, KeyType, OaepHash, Plain, Uses,
    unwrap_import, wrap_import,
};

fn configured(key: &Key, decryption: u32, encryption: u32) -> Result<std::sync::Arc<Key>, KeyError> {
    let wish = ConfigWish {
        min_decryption: Some(decryption),
        min_encryption: Some(encryption),
        ..ConfigWish::default()
    };
    key.configure(&wish).map(next)
}

#[test]
fn minima_hold_and_trimming_is_for_ever() {
    let (mut rng, mut none) = (Random::new(20), Uses::uncounted());
    let mut versions = key(&KeySpec::new(KeyType::Xaes256Gcm));
    let first = versions.encrypt(&Plain::new(b"1"), &mut none, &mut rng).unwrap();
    for _ in 0..3 {
        versions = next(versions.rotate(NOW, &mut rng).unwrap());
    }
    let with = |version| Plain {
        version: Some(version),
        ..Plain::new(b"x")
    };
    assert_eq!(
        versions.encrypt(&with(0), &mut none, &mut rng).unwrap().version,
        4
    );
    assert_eq!(
        versions.encrypt(&with(2), &mut none, &mut rng).unwrap().version,
        2
    );
    let too_high = KeyError::VersionTooHigh("encryption");
    assert_eq!(
        versions.encrypt(&with(5), &mut none, &mut rng).err(),
        Some(too_high)
    );

    let wanted = |wanted, latest| KeyError::MinDecryptionTooHigh { wanted, latest };
    assert_eq!(configured(&versions, 5, 0).err(), Some(wanted(5, 4)));
    let order = KeyError::MinimaOrder {
        encryption: 2,
        decryption: 3,
    };
    assert_eq!(configured(&versions, 3, 2).err(), Some(order));
    assert_eq!(versions.trim(2).err(), Some(KeyError::TrimUnset));

    let versions = configured(&versions, 2, 3).unwrap();
    assert_eq!(
        versions.decrypt(&Cipher::new(&first.text)).err(),
        Some(KeyError::TooOld)
    );
    let too_low = KeyError::VersionTooLow("encryption");
    assert_eq!(
        versions.encrypt(&with(2), &mut none, &mut rng).err(),
        Some(too_low)
    );
    assert_eq!(versions.trim(0).err(), Some(KeyError::TrimZero));
    assert_eq!(versions.trim(3).err(), Some(KeyError::TrimAboveDecryption));
    let commit = super::commit(versions.trim(2).unwrap(), 1);
    assert_eq!(
        (commit.files.len(), commit.removes.as_slice()),
        (1, [1].as_slice())
    );
    let trimmed = commit.key;
    assert_eq!(trimmed.trim(1).err(), Some(KeyError::TrimBack));
    // What was trimmed does not come back by other settings.
    let back = KeyError::MinDecryptionTrimmed {
        wanted: 1,
        available: 2,
    };
    assert_eq!(configured(&trimmed, 1, 0).err(), Some(back));
    let open = configured(&trimmed, 2, 0).unwrap();
    assert_eq!(open.encrypt(&with(1), &mut none, &mut rng).err(), Some(too_low));
    assert!(!open.has(1) && open.has(2));
}

#[test]
fn specs_that_make_no_sense_are_refused() {
    let make = |spec: &KeySpec| Key::generate(name("x"), spec, NOW, &mut Random::new(21)).err();
    let spec = |key_type, change: fn(&mut KeySpec)| {
        let mut spec = KeySpec::new(key_type);
        change(&mut spec);
        make(&spec)
    };
    assert_eq!(
        spec(KeyType::MlDsa65, |s| s.policy.derived = true),
        Some(KeyError::DerivationUnsupported("ml-dsa-65"))
    );
    assert_eq!(
        spec(KeyType::Xaes256Gcm, |s| s.policy.convergent = true),
        Some(KeyError::ConvergentUnsupported)
    );
    assert_eq!(
        spec(KeyType::Hmac, |s| s.policy.key_size = 31),
        Some(KeyError::KeySize)
    );
    assert_eq!(
        spec(KeyType::Hmac, |s| s.policy.key_size = 513),
        Some(KeyError::KeySize)
    );
    assert_eq!(
        spec(KeyType::Ed25519, |s| s.policy.key_size = 32),
        Some(KeyError::KeySize)
    );
    assert_eq!(
        spec(KeyType::Ed25519, |s| s.rotate_seconds = 3599),
        Some(KeyError::RotatePeriod)
    );
    assert_eq!(spec(KeyType::Hmac, |s| s.policy.key_size = 512), None);
}

#[test]
fn only_exportable_keys_are_exported() {
    for spec in super::specs() {
        let closed = key(&spec);
        for what in [
            ExportKind::EncryptionKey,
            ExportKind::SigningKey,
            ExportKind::HmacKey,
        ] {
            assert_eq!(
                closed.export(what, None, Format::Default).err(),
                Some(KeyError::NotExportable)
            );
        }
        let public = closed.export(ExportKind::PublicKey, None, Format::Default);
        assert_eq!(public.is_ok(), spec.key_type.can().sign, "{spec:?}");

        let mut open = spec;
        open.policy.exportable = true;
        let open = next(key(&open).rotate(NOW, &mut Random::new(22)).unwrap());
        assert_eq!(
            open.export(ExportKind::HmacKey, None, Format::Default)
                .unwrap()
                .len(),
            2
        );
        let one = open
            .export(ExportKind::HmacKey, Some(2), Format::Default)
            .unwrap();
        assert_eq!((one.len(), one[0].version), (1, 2));
        assert_eq!(
            open.export(ExportKind::HmacKey, Some(3), Format::Default).err(),
            Some(KeyError::NoVersion)
        );
    }
}

/// What is exported is imported again, and both are one key.
#[test]
fn exports_come_back_through_an_import() {
    let mut rng = Random::new(23);
    let wrapping = key(&KeySpec::new(KeyType::Rsa4096));
    let pem = wrapping.export(ExportKind::PublicKey, None, Format::Pem).unwrap();
    let spki = der(pem[0].text.expose());
    for mut spec in super::specs() {
        if spec.policy.derived || spec.policy.convergent {
            continue;
        }
        spec.policy.exportable = true;
        let made = key(&spec);
        let what = match spec.key_type {
            KeyType::Hmac => ExportKind::HmacKey,
            key_type if key_type.can().sign => ExportKind::SigningKey,
            _ => ExportKind::EncryptionKey,
        };
        let material = match spec.key_type {
            KeyType::Rsa3072 | KeyType::EcdsaP256 | KeyType::EcdsaP384 => {
                let pem = made.export(what, None, Format::Pem).unwrap();
                assert!(pem[0].text.expose().starts_with("-----BEGIN PRIVATE KEY-----\n"));
                let short = made.export(what, None, Format::Default).unwrap();
                assert!(!short[0].text.expose().contains("BEGIN PRIVATE KEY"));
                der(pem[0].text.expose())
            }
            // Ed25519 is imported as PKCS#8: RFC 8410, section 7.
            KeyType::Ed25519 => {
                let both = base64(made.export(what, None, Format::Default).unwrap()[0].text.expose());
                let mut pkcs8 = vec![
                    0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
                ];
                pkcs8.extend_from_slice(&both[..32]);
                pkcs8
            }
            _ => base64(made.export(what, None, Format::Default).unwrap()[0].text.expose()),
        };
        let wrapped = wrap_import(&spki, &material, OaepHash::Sha384, &mut rng).unwrap();
        assert_eq!(
            unwrap_import(&wrapping, &wrapped, OaepHash::Sha256).err(),
            Some(KeyError::ImportUnopened)
        );
        let unwrapped = unwrap_import(&wrapping, &wrapped, OaepHash::Sha384).unwrap();
        assert_eq!(unwrapped.expose(), material);
        let import = Key::import(name("in"), &spec, unwrapped.expose(), NOW, &mut rng).unwrap();
        let imported = next(import);
        assert!(imported.policy().imported);
        let again = |key: &Key| {
            key.export(what, None, Format::Default).unwrap()[0]
                .text
                .expose()
                .to_owned()
        };
        assert_eq!(again(&made), again(&imported));
        assert!(matches!(
            imported.rotate(NOW, &mut rng).err(),
            Some(KeyError::RotationDisallowed(_))
        ));
        assert!(imported.import_version(&material, NOW, &mut rng).is_ok());
        assert!(
            Key::import(name("in"), &spec, &material[1..], NOW, &mut rng).is_err()
                || what == ExportKind::HmacKey
        );
    }
    let made_here = key(&KeySpec::new(KeyType::Xaes256Gcm));
    assert_eq!(
        made_here.import_version(&[1; 32], NOW, &mut rng).err(),
        Some(KeyError::NotImported)
    );
    let convergent = KeySpec::new(KeyType::Aes256GcmSiv);
    let refused = Key::import(name("in"), &convergent, &[1; 32], NOW, &mut rng);
    assert_eq!(refused.err(), Some(KeyError::ConvergentImport));
}

fn base64(text: &str) -> Vec<u8> {
    data_encoding::BASE64.decode(text.as_bytes()).unwrap()
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64(&body)
}
