//! Vectors of C2SP/wycheproof and of RFC 8452 against the functions that keys use.

use aws_lc_rs::aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey};
use chacha20poly1305::KeyInit;
use serde_json::Value;

use super::{bytes, file, vectors};
use crate::cipher::gcm::{Gcm, open_detached, seal_detached};
use crate::cipher::oaep::Oaep;
use crate::cipher::xchacha::XChaCha;
use crate::sign::ecdsa::{self, Curve};
use crate::sign::{Hash, Marshaling, RsaScheme, ed25519, mac, ml_dsa, rsa};

/// Compares `passed` with the outcome; `acceptable` may be either.
fn judge(test: &Value, passed: bool) {
    match test["result"].as_str().unwrap() {
        "valid" => assert!(passed, "{test}"),
        "invalid" => assert!(!passed, "{test}"),
        _ => {}
    }
}

fn hash(group: &Value) -> Hash {
    match group["sha"].as_str().unwrap() {
        "SHA-256" => Hash::Sha2_256,
        "SHA-384" => Hash::Sha2_384,
        "SHA-512" => Hash::Sha2_512,
        other => panic!("{other}"),
    }
}

#[test]
fn aes_256_gcm() {
    vectors("wycheproof/aes_gcm", |_, test| {
        let gcm = Gcm::new(bytes(test, "key").as_slice().try_into().unwrap());
        let sealed = [bytes(test, "iv"), bytes(test, "ct"), bytes(test, "tag")].concat();
        let opened = gcm.open_random(&bytes(test, "aad"), &sealed);
        judge(
            test,
            opened.is_ok_and(|plain| plain.expose() == bytes(test, "msg")),
        );
    });
}

#[test]
fn xchacha20_poly1305() {
    vectors("wycheproof/xchacha20_poly1305", |_, test| {
        let key = XChaCha::new(bytes(test, "key").as_slice().try_into().unwrap());
        let sealed = [bytes(test, "iv"), bytes(test, "ct"), bytes(test, "tag")].concat();
        let opened = key.open(&bytes(test, "aad"), &sealed);
        judge(
            test,
            opened.is_ok_and(|plain| plain.expose() == bytes(test, "msg")),
        );
    });
}

fn siv(key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).unwrap())
}

#[test]
fn aes_256_gcm_siv() {
    vectors("wycheproof/aes_gcm_siv", |_, test| {
        let nonce = bytes(test, "iv").as_slice().try_into().unwrap();
        let sealed = [bytes(test, "ct"), bytes(test, "tag")].concat();
        let opened = open_detached(&siv(&bytes(test, "key")), &nonce, &bytes(test, "aad"), &sealed);
        judge(
            test,
            opened.is_ok_and(|plain| plain.expose() == bytes(test, "msg")),
        );
    });
}

/// RFC 8452, appendices C.2 and C.3.
#[test]
fn rfc_8452() {
    let file = file("rfc8452");
    let tests = file["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 24);
    for test in tests {
        let (key, nonce) = (
            siv(&bytes(test, "key")),
            bytes(test, "nonce").as_slice().try_into().unwrap(),
        );
        let (aad, plaintext) = (bytes(test, "aad"), bytes(test, "plaintext"));
        let mut out = Vec::new();
        seal_detached(&key, &nonce, &aad, &plaintext, &mut out).unwrap();
        assert_eq!(out, bytes(test, "result"));
        let opened = open_detached(&key, &nonce, &aad, &out).unwrap();
        assert_eq!(opened.expose(), plaintext);
    }
}

#[test]
fn ed25519_verify() {
    vectors("wycheproof/ed25519", |group, test| {
        let public = bytes(group, "publicKey");
        judge(
            test,
            ed25519::verify(&public, &bytes(test, "msg"), &bytes(test, "sig")),
        );
    });
}

#[test]
fn ecdsa_verify() {
    use Curve::{P256, P384};
    use Marshaling::{Asn1, Jws};
    for (name, curve, marshaling) in [
        ("ecdsa_secp256r1_sha256", P256, Asn1),
        ("ecdsa_secp256r1_sha512", P256, Asn1),
        ("ecdsa_secp256r1_sha256_p1363", P256, Jws),
        ("ecdsa_secp384r1_sha256", P384, Asn1),
        ("ecdsa_secp384r1_sha384", P384, Asn1),
        ("ecdsa_secp384r1_sha512", P384, Asn1),
        ("ecdsa_secp384r1_sha384_p1363", P384, Jws),
    ] {
        vectors(&format!("wycheproof/{name}"), |group, test| {
            let digest = hash(group).digest(&bytes(test, "msg"));
            let public = bytes(group, "publicKeyDer");
            judge(
                test,
                ecdsa::verify(curve, &public, &digest, &bytes(test, "sig"), marshaling),
            );
        });
    }
}

fn rsa_verify(name: &str, scheme: RsaScheme) {
    vectors(&format!("wycheproof/{name}"), |group, test| {
        let hash = hash(group);
        let digest = hash.digest(&bytes(test, "msg"));
        let public = bytes(group, "publicKeyDer");
        judge(
            test,
            rsa::verify(&public, scheme, hash, &digest, &bytes(test, "sig")),
        );
    });
}

#[test]
fn rsa_pkcs1_verify() {
    for name in ["rsa_signature_3072_sha256", "rsa_signature_4096_sha512"] {
        rsa_verify(name, RsaScheme::Pkcs1v15);
    }
}

#[test]
fn rsa_pss_verify() {
    for name in [
        "rsa_pss_3072_sha256_mgf1_32",
        "rsa_pss_4096_sha384_mgf1_48",
        "rsa_pss_4096_sha512_mgf1_64",
    ] {
        rsa_verify(name, RsaScheme::Pss);
    }
}

#[test]
fn rsa_oaep() {
    for name in [
        "rsa_oaep_3072_sha256_mgf1sha256",
        "rsa_oaep_4096_sha256_mgf1sha256",
    ] {
        vectors(&format!("wycheproof/{name}"), |group, test| {
            let pair = Oaep::new(&bytes(group, "privateKeyPkcs8")).unwrap();
            let opened = pair.open(&bytes(test, "ct"));
            judge(
                test,
                opened.is_ok_and(|plain| plain.expose() == bytes(test, "msg")),
            );
        });
    }
}

#[test]
fn hmac() {
    for (name, hash) in [
        ("hmac_sha224", Hash::Sha2_224),
        ("hmac_sha256", Hash::Sha2_256),
        ("hmac_sha384", Hash::Sha2_384),
        ("hmac_sha512", Hash::Sha2_512),
        ("hmac_sha3_256", Hash::Sha3_256),
        ("hmac_sha3_384", Hash::Sha3_384),
        ("hmac_sha3_512", Hash::Sha3_512),
    ] {
        vectors(&format!("wycheproof/{name}"), |_, test| {
            let (key, msg, tag) = (bytes(test, "key"), bytes(test, "msg"), bytes(test, "tag"));
            judge(test, mac::verify(&key, hash, &msg, &tag));
        });
    }
}

#[test]
fn ml_dsa_65() {
    vectors("wycheproof/mldsa_65_verify", |group, test| {
        let public = bytes(group, "publicKey");
        judge(
            test,
            ml_dsa::verify(&public, &bytes(test, "msg"), &bytes(test, "sig")),
        );
    });
    vectors("wycheproof/mldsa_65_sign_seed", |group, test| {
        let pair = ml_dsa::pair(&bytes(group, "privateSeed")).unwrap();
        let (public, msg) = (ml_dsa::public(&pair), bytes(test, "msg"));
        assert_eq!(public, bytes(group, "publicKey"));
        judge(test, ml_dsa::verify(&public, &msg, &bytes(test, "sig")));
        assert!(ml_dsa::verify(&public, &msg, &ml_dsa::sign(&pair, &msg).unwrap()));
    });
}

/// aes256-gcm96 by another implementation, from the documented layout alone: nonce (12) || ciphertext || tag (16).
#[test]
fn another_implementation_opens_aes256_gcm96() {
    use aes_gcm::Aes256Gcm;
    use aes_gcm::aead::{Aead, Payload};
    let mut rng = super::Random::new(3);
    let gcm = Gcm::new(&[9; 32]);
    for len in [0, 1, 15, 16, 17, 1000] {
        let (plaintext, aad) = (vec![0xAB; len], b"associated");
        let sealed = gcm.seal_random(aad, &plaintext, &mut rng).unwrap();
        let (nonce, sealed) = sealed.split_first_chunk::<12>().unwrap();
        let other = Aes256Gcm::new(&[9; 32].into());
        let payload = Payload { msg: sealed, aad };
        assert_eq!(other.decrypt(nonce.into(), payload).unwrap(), plaintext);
    }
}
