//! Ciphertexts of every type: they open, and nothing that was changed does.

use std::sync::Arc;

use data_encoding::BASE64;

use super::{NOW, Random, key, name, next, specs};
use crate::{
    Cipher, Counter, DataKeyBits, Fault, Key, KeyError, KeySpec, KeyType, Noun, Plain, Sealed, Taken, Uses,
    translate,
};

const UNOPENED: KeyError = KeyError::Text(Noun::Ciphertext, Fault::Unopened);

/// A key and counted uses, if it needs them.
fn ready(spec: &KeySpec) -> (Arc<Key>, Uses) {
    let fresh = key(spec);
    if fresh.reserved(1).is_none() {
        return (fresh, Uses::uncounted());
    }
    let reserved = next(fresh.reserve(1, 65_536).unwrap());
    let counter = Counter::resume(&fresh, 1).unwrap();
    counter.extend(&reserved);
    match counter.take(60_000) {
        Taken::Granted(uses) => (reserved, uses),
        other => panic!("{other:?}"),
    }
}

fn encrypting() -> impl Iterator<Item = KeySpec> {
    specs().into_iter().filter(|spec| spec.key_type.can().encrypt)
}

fn context(spec: &KeySpec) -> Option<&'static [u8]> {
    spec.policy.derived.then_some(b"context".as_slice())
}

fn associated(spec: &KeySpec) -> Option<&'static [u8]> {
    spec.key_type.can().associated_data.then_some(b"data".as_slice())
}

fn seal(spec: &KeySpec, key: &Key, plaintext: &[u8], uses: &mut Uses, rng: &mut Random) -> Sealed {
    let item = Plain {
        plaintext,
        context: context(spec),
        associated_data: associated(spec),
        version: None,
    };
    key.encrypt(&item, uses, rng).unwrap()
}

#[test]
fn every_bit_flip_is_refused() {
    let mut rng = Random::new(11);
    for spec in encrypting() {
        let (key, mut uses) = ready(&spec);
        let sealed = seal(&spec, &key, b"a plaintext", &mut uses, &mut rng);
        let open = |ciphertext: &str| {
            let item = Cipher {
                ciphertext,
                context: context(&spec),
                associated_data: associated(&spec),
            };
            key.decrypt(&item)
        };
        assert_eq!(open(&sealed.text).unwrap().expose(), b"a plaintext", "{spec:?}");
        let body = sealed.text.strip_prefix("vault:v1:").unwrap();
        let mut bytes = BASE64.decode(body.as_bytes()).unwrap();
        // RSA is slow: one bit of each byte tells the same.
        let step = if spec.key_type == KeyType::Rsa3072 { 67 } else { 1 };
        for bit in (0..bytes.len() * 8).step_by(step) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let text = format!("vault:v1:{}", BASE64.encode(&bytes));
            assert_eq!(open(&text).err(), Some(UNOPENED), "{spec:?}, bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for len in 0..bytes.len() {
            let text = format!("vault:v1:{}", BASE64.encode(&bytes[..len]));
            assert_eq!(open(&text).err(), Some(UNOPENED), "{spec:?}, {len} bytes");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        let text = format!("vault:v1:{}", BASE64.encode(&longer));
        assert_eq!(open(&text).err(), Some(UNOPENED), "{spec:?}, longer");
    }
}

#[test]
fn context_and_associated_data_are_bound() {
    let mut rng = Random::new(12);
    for spec in encrypting() {
        let (key, mut uses) = ready(&spec);
        let sealed = seal(&spec, &key, b"text", &mut uses, &mut rng);
        let open = |context, associated_data| {
            let item = Cipher {
                ciphertext: &sealed.text,
                context,
                associated_data,
            };
            key.decrypt(&item).err()
        };
        let (context, associated) = (context(&spec), associated(&spec));
        assert_eq!(open(context, associated), None);
        if spec.policy.derived {
            assert_eq!(open(Some(b"other"), associated), Some(UNOPENED));
            assert_eq!(open(None, associated), Some(KeyError::ContextMissing));
            assert_eq!(open(Some(b""), associated), Some(KeyError::ContextMissing));
        } else {
            assert_eq!(open(Some(b"other"), associated), Some(KeyError::ContextUnwanted));
        }
        if spec.key_type.can().associated_data {
            assert_eq!(open(context, Some(b"other")), Some(UNOPENED));
            assert_eq!(open(context, None), Some(UNOPENED));
        } else {
            assert_eq!(open(context, Some(b"x")), Some(KeyError::AssociatedDataUnwanted));
        }
    }
}

#[test]
fn convergent_means_equal_for_equal_input_only() {
    let mut rng = Random::new(13);
    let mut spec = KeySpec::new(KeyType::Aes256GcmSiv);
    spec.policy.derived = true;
    let (key, mut uses) = ready(&spec);
    let mut seal = |context: &[u8], aad: &[u8], plaintext: &[u8], version| {
        let item = Plain {
            plaintext,
            context: Some(context),
            associated_data: Some(aad),
            version,
        };
        key.encrypt(&item, &mut uses, &mut rng).unwrap().text
    };
    let one = seal(b"c", b"a", b"p", None);
    assert_eq!(one, seal(b"c", b"a", b"p", Some(1)));
    // Moving a byte from associated data to plaintext is another input.
    for other in [
        seal(b"d", b"a", b"p", None),
        seal(b"c", b"b", b"p", None),
        seal(b"c", b"a", b"q", None),
        seal(b"c", b"ap", b"", None),
        seal(b"c", b"", b"ap", None),
    ] {
        assert_ne!(one, other);
    }
}

/// A ciphertext of the right key with a nonce that another made is not one of ours.
#[test]
fn convergent_nonces_are_checked() {
    use crate::cipher::gcm::seal_detached;
    use crate::cipher::hkdf;
    use aws_lc_rs::aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey};
    let secret = [4; 32];
    let key = next(Key::generate(name("s"), &KeySpec::new(KeyType::Aes256GcmSiv), NOW, &mut Fixed).unwrap());
    let keys = hkdf::derive(&secret, b"", 64).unwrap();
    let siv = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &keys.expose()[..32]).unwrap());
    let mut out = vec![7; 12];
    seal_detached(&siv, &[7; 12], b"", b"text", &mut out).unwrap();
    let text = format!("vault:v1:{}", BASE64.encode(&out));
    assert_eq!(key.decrypt(&Cipher::new(&text)).err(), Some(UNOPENED));
}

/// Draws the byte 4 for ever.
struct Fixed;

impl rand_core::TryRng for Fixed {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0x0404_0404)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0x0404_0404_0404_0404)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        dst.fill(4);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Fixed {}

#[test]
fn rewrapping_translating_and_data_keys_stay_inside() {
    let mut rng = Random::new(14);
    let mut none = Uses::uncounted();
    let old = key(&KeySpec::new(KeyType::Xaes256Gcm));
    let sealed = old.encrypt(&Plain::new(b"text"), &mut none, &mut rng).unwrap();
    let new = next(old.rotate(NOW, &mut rng).unwrap());
    let rewrapped = new
        .rewrap(&Cipher::new(&sealed.text), None, &mut none, &mut rng)
        .unwrap();
    assert_eq!(rewrapped.version, 2);
    assert_eq!(
        new.decrypt(&Cipher::new(&rewrapped.text)).unwrap().expose(),
        b"text"
    );

    let mut spec = KeySpec::new(KeyType::XChaCha20Poly1305);
    spec.policy.derived = true;
    let target = key(&spec);
    let binding = (Some(b"context".as_slice()), Some(b"data".as_slice()));
    let item = Cipher::new(&sealed.text);
    let moved = translate(&new, &item, &target, binding, None, &mut none, &mut rng).unwrap();
    let item = Cipher {
        ciphertext: &moved.text,
        context: binding.0,
        associated_data: binding.1,
    };
    assert_eq!(target.decrypt(&item).unwrap().expose(), b"text");

    for (bits, len) in [
        (DataKeyBits::B128, 16),
        (DataKeyBits::B256, 32),
        (DataKeyBits::B512, 64),
    ] {
        let (plain, sealed) = new
            .data_key(bits, (None, None), None, &mut none, &mut rng)
            .unwrap();
        assert_eq!(plain.expose().len(), len);
        assert_eq!(
            new.decrypt(&Cipher::new(&sealed.text)).unwrap().expose(),
            plain.expose()
        );
    }
}

#[test]
fn fernet_decrypts_bare_and_versioned_tokens_and_nothing_else() {
    let mut rng = Random::new(15);
    let file = super::file("fernet/verify");
    let case = &file[0];
    let token = case["token"].as_str().unwrap();
    let secret = data_encoding::BASE64URL
        .decode(case["secret"].as_str().unwrap().as_bytes())
        .unwrap();
    let spec = KeySpec::new(KeyType::Fernet);
    assert!(matches!(
        Key::generate(name("f"), &spec, NOW, &mut rng).err(),
        Some(KeyError::NotMadeHere("fernet"))
    ));
    let first = next(Key::import(name("f"), &spec, &[1; 32], NOW, &mut rng).unwrap());
    let key = next(first.import_version(&secret, NOW, &mut rng).unwrap());
    let key = next(key.import_version(&[2; 32], NOW, &mut rng).unwrap());
    assert_eq!(key.decrypt(&Cipher::new(token)).unwrap().expose(), b"hello");
    let versioned = |version| format!("vault:v{version}:{token}");
    assert_eq!(
        key.decrypt(&Cipher::new(&versioned(2))).unwrap().expose(),
        b"hello"
    );
    assert_eq!(key.decrypt(&Cipher::new(&versioned(3))).err(), Some(UNOPENED));
    assert_eq!(
        key.encrypt(&Plain::new(b"x"), &mut Uses::uncounted(), &mut rng)
            .err(),
        Some(KeyError::NoEncryption("fernet"))
    );
    let wish = crate::ConfigWish {
        min_decryption: Some(3),
        ..Default::default()
    };
    let key = next(key.configure(&wish).unwrap());
    assert_eq!(key.decrypt(&Cipher::new(token)).err(), Some(UNOPENED));
    assert_eq!(
        key.decrypt(&Cipher::new(&versioned(2))).err(),
        Some(KeyError::TooOld)
    );
}
