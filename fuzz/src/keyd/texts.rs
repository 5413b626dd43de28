//! Texts that clients hand back: ciphertexts, signatures, HMACs, tokens, wrapped keys.

use crannog_keyd_keys::{
    Cipher, Hash, Key, MacToVerify, Marshaling, OaepHash, RsaScheme, ToSign, ToVerify, unwrap_import,
};
use data_encoding::BASE64;

use super::fixed::{CONTEXT, KEYS, MESSAGE};

/// The key, a line feed, words for what is done, a line feed, the text.
pub fn text(data: &[u8]) -> bool {
    let Some((name, rest)) = super::first_line(data) else {
        return false;
    };
    let Some((words, text)) = super::first_line(rest) else {
        return false;
    };
    let (Some(key), Ok(text)) = (KEYS.get(name), std::str::from_utf8(text)) else {
        return false;
    };
    let words: Vec<&str> = words.split(' ').collect();
    let hash = words.iter().copied().find_map(Hash::parse).unwrap_or_default();
    let context = name.ends_with(" derived").then_some(CONTEXT);
    match words.first() {
        Some(&"decrypt") => {
            let item = Cipher {
                ciphertext: text,
                context,
                associated_data: words.contains(&"bound").then_some(MESSAGE),
            };
            key.decrypt(&item).is_ok()
        }
        Some(&"verify") => verify(key, &words, hash, context, text),
        Some(&"hmac") => key
            .hmac_verify(&MacToVerify {
                hmac: text,
                input: MESSAGE,
                hash,
            })
            .is_ok_and(|fits| fits),
        Some(&"unwrap") => {
            let hash = words
                .iter()
                .copied()
                .find_map(OaepHash::parse)
                .unwrap_or_default();
            let wrapped = BASE64.decode(text.as_bytes());
            wrapped.is_ok_and(|wrapped| unwrap_import(key, &wrapped, hash).is_ok())
        }
        _ => false,
    }
}

fn verify(key: &Key, words: &[&str], hash: Hash, context: Option<&[u8]>, signature: &str) -> bool {
    let prehashed = words.contains(&"prehashed");
    let digest = hash.digest(MESSAGE);
    let how = ToSign {
        input: if prehashed { &digest } else { MESSAGE },
        context,
        hash,
        prehashed,
        scheme: if words.contains(&"pkcs1v15") {
            RsaScheme::Pkcs1v15
        } else {
            RsaScheme::Pss
        },
        marshaling: if words.contains(&"jws") {
            Marshaling::Jws
        } else {
            Marshaling::Asn1
        },
        ..ToSign::default()
    };
    key.verify(&ToVerify { signature, how }).is_ok_and(|fits| fits)
}
