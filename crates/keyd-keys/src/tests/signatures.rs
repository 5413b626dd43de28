//! Signatures and HMACs of keys.

use super::{NOW, Random, key, next, specs};
use crate::{
    ExportKind, Format, Hash, KeyError, KeySpec, KeyType, MacToVerify, Marshaling, RsaScheme, SaltLength,
    ToMac, ToSign, ToVerify,
};

#[test]
fn signatures_verify_in_every_form_and_nowhere_else() {
    for spec in specs().into_iter().filter(|spec| spec.key_type.can().sign) {
        let key = next(key(&spec).rotate(NOW, &mut Random::new(31)).unwrap());
        let context = spec.policy.derived.then_some(b"context".as_slice());
        for hash in [Hash::Sha2_256, Hash::Sha2_384, Hash::Sha2_512] {
            for marshaling in [Marshaling::Asn1, Marshaling::Jws] {
                for scheme in [RsaScheme::Pss, RsaScheme::Pkcs1v15] {
                    let how = ToSign {
                        input: b"message",
                        context,
                        hash,
                        marshaling,
                        scheme,
                        ..ToSign::default()
                    };
                    let signed = key.sign(&how).unwrap();
                    assert_eq!(signed.public_key.is_some(), spec.policy.derived);
                    let verify = |how| {
                        let item = ToVerify {
                            signature: &signed.text,
                            how,
                        };
                        key.verify(&item)
                    };
                    assert_eq!(verify(how), Ok(true), "{spec:?} {how:?}");
                    assert_eq!(
                        verify(ToSign {
                            input: b"massage",
                            ..how
                        }),
                        Ok(false)
                    );
                    let other = signed.text.replacen("v2", "v1", 1);
                    let item = ToVerify {
                        signature: &other,
                        how,
                    };
                    assert_eq!(key.verify(&item), Ok(false));
                    if spec.policy.derived {
                        assert_eq!(
                            verify(ToSign {
                                context: Some(b"x"),
                                ..how
                            }),
                            Ok(false)
                        );
                        assert_eq!(
                            verify(ToSign { context: None, ..how }),
                            Err(KeyError::ContextMissing)
                        );
                    }
                    let digest = hash.digest(b"message");
                    let prehashed = ToSign {
                        input: &digest,
                        prehashed: true,
                        ..how
                    };
                    if matches!(spec.key_type, KeyType::Ed25519 | KeyType::MlDsa65) {
                        assert_eq!(verify(prehashed), Err(KeyError::PrehashUnsupported));
                    } else {
                        assert_eq!(verify(prehashed), Ok(true));
                        assert_eq!(
                            verify(ToSign {
                                input: b"x",
                                ..prehashed
                            }),
                            Err(KeyError::DigestLength)
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn hashes_and_salts_that_do_not_fit_are_refused() {
    let ecdsa = key(&KeySpec::new(KeyType::EcdsaP256));
    let with = |hash| ToSign {
        hash,
        ..ToSign::default()
    };
    for hash in [Hash::Sha2_224, Hash::Sha3_256, Hash::Sha3_512] {
        assert_eq!(ecdsa.sign(&with(hash)).err(), Some(KeyError::HashUnsupported));
    }
    let rsa = key(&KeySpec::new(KeyType::Rsa3072));
    let salted = |bytes| ToSign {
        salt: SaltLength::Bytes(bytes),
        ..ToSign::default()
    };
    assert!(rsa.sign(&salted(32)).is_ok());
    assert_eq!(rsa.sign(&salted(20)).err(), Some(KeyError::SaltLength));
    let aead = key(&KeySpec::new(KeyType::Xaes256Gcm));
    assert_eq!(
        aead.sign(&with(Hash::Sha2_256)).err(),
        Some(KeyError::NoSigning("xaes256-gcm"))
    );
}

#[test]
fn every_type_makes_hmacs_that_verify() {
    for spec in specs() {
        let key = key(&spec);
        for &hash in Hash::ALL {
            let item = ToMac {
                input: b"message",
                hash,
                version: None,
            };
            let hmac = key.hmac(&item).unwrap();
            let verify = |input, hash| {
                let item = MacToVerify {
                    hmac: &hmac,
                    input,
                    hash,
                };
                key.hmac_verify(&item).unwrap()
            };
            assert!(verify(b"message", hash));
            assert!(!verify(b"massage", hash));
            let other = if hash == Hash::Sha2_256 {
                Hash::Sha3_256
            } else {
                Hash::Sha2_256
            };
            assert!(!verify(b"message", other));
        }
    }
}

/// The public key that a derived pair signs with is the one that its description shows.
#[test]
fn a_derived_public_key_is_described() {
    let mut spec = KeySpec::new(KeyType::Ed25519);
    spec.policy.derived = true;
    let key = key(&spec);
    let how = ToSign {
        context: Some(b"context"),
        ..ToSign::default()
    };
    let public = key.sign(&how).unwrap().public_key.unwrap();
    let described = key.describe(Some(b"context")).unwrap();
    let text = described.versions[0].public_key.clone().unwrap();
    assert_eq!(data_encoding::BASE64.decode(text.as_bytes()).unwrap(), public);
    let plain = key.export(ExportKind::PublicKey, None, Format::Default).unwrap();
    assert_ne!(plain[0].text.expose(), text);
}
