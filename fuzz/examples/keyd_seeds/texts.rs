//! Ciphertexts, signatures, HMACs, and keys from outside.

use crannog_fuzz::keyd::fixed::{CONTEXT, Fixed, KEYS, MESSAGE, recovery_key};
use crannog_keyd_keys::{
    ExportKind, Format, Hash, KeyType, Marshaling, OaepHash, Plain, RsaScheme, ToMac, ToSign, Uses,
    wrap_import,
};
use data_encoding::BASE64;

use crate::seed;

pub fn write() {
    ciphertexts();
    signatures();
    wrapped();
    material();
}

fn text(name: &str, key: &str, words: &str, text: &str) {
    seed("keyd_text", name, format!("{key}\n{words}\n{text}"));
}

fn file_name(key: &str) -> String {
    key.replace(' ', "-")
}

fn ciphertexts() {
    for (name, key) in KEYS.iter().filter(|(_, key)| key.key_type().can().encrypt) {
        let mut item = Plain::new(MESSAGE);
        item.context = name.ends_with("derived").then_some(CONTEXT);
        let bound = key.key_type().can().associated_data;
        item.associated_data = bound.then_some(MESSAGE);
        let words = if bound { "decrypt bound" } else { "decrypt" };
        let Ok(sealed) = key.encrypt(&item, &mut Uses::uncounted(), &mut Fixed(20)) else {
            // Uses of this type are counted on disk, and there is none here.
            continue;
        };
        text(
            &format!("taken-decrypt-{}", file_name(name)),
            name,
            words,
            &sealed.text,
        );
        if bound {
            text(
                &format!("refused-unbound-{}", file_name(name)),
                name,
                "decrypt",
                &sealed.text,
            );
        }
    }
    let token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
    text("taken-fernet", "fernet", "decrypt", token);
    text(
        "taken-fernet-v1",
        "fernet",
        "decrypt",
        &format!("vault:v1:{token}"),
    );
    let cut = token.replace("4IwqDA==", "");
    text("refused-fernet-cut", "fernet", "decrypt", &cut);

    let zeros = BASE64.encode(&[0; 64]);
    let plain = "xaes256-gcm";
    for (name, bad) in [
        ("no-prefix", zeros.clone()),
        ("fields", "vault:v1".to_owned()),
        ("version", format!("vault:v01:{zeros}")),
        ("too-new", format!("vault:v2:{zeros}")),
        ("base64", "vault:v1:A".to_owned()),
        ("short", "vault:v1:AAAA".to_owned()),
        ("zeros", format!("vault:v0:{zeros}")),
    ] {
        text(&format!("refused-{name}"), plain, "decrypt", &bad);
    }
    for (name, key) in KEYS.iter().filter(|(_, key)| key.key_type().can().decrypt) {
        let zeros = format!("vault:v1:{}", BASE64.encode(&[0; 384]));
        let is_rsa = matches!(key.key_type(), KeyType::Rsa3072 | KeyType::Rsa4096);
        let other = if is_rsa { "vault:v1:AA==" } else { &zeros };
        text(
            &format!("refused-zeros-{}", file_name(name)),
            name,
            "decrypt",
            other,
        );
    }
}

fn signatures() {
    for (name, key) in KEYS.iter() {
        let mac = key
            .hmac(&ToMac {
                input: MESSAGE,
                ..ToMac::default()
            })
            .expect("an HMAC");
        if matches!(key.key_type(), KeyType::Hmac | KeyType::Xaes256Gcm) {
            text(
                &format!("taken-hmac-{}", file_name(name)),
                name,
                "hmac sha2-256",
                &mac,
            );
            text(
                &format!("refused-hmac-{}", file_name(name)),
                name,
                "hmac sha3-512",
                &mac,
            );
        }
        if !key.key_type().can().sign {
            continue;
        }
        for words in [
            "verify",
            "verify sha2-384 prehashed",
            "verify sha2-512 pkcs1v15 jws",
        ] {
            let prehashed = words.contains("prehashed");
            let hash = words.split(' ').find_map(Hash::parse).unwrap_or_default();
            let digest = hash.digest(MESSAGE);
            let mut how = ToSign {
                input: if prehashed { &digest } else { MESSAGE },
                context: name.ends_with("derived").then_some(CONTEXT),
                hash,
                prehashed,
                ..ToSign::default()
            };
            if words.ends_with("jws") {
                (how.scheme, how.marshaling) = (RsaScheme::Pkcs1v15, Marshaling::Jws);
            }
            let Ok(signature) = key.sign(&how) else { continue };
            let last = words.split(' ').next_back().unwrap_or_default();
            let name_of = |taken| format!("{taken}-{last}-{}", file_name(name));
            text(&name_of("taken"), name, words, &signature.text);
            if words.ends_with("jws") {
                text(
                    &name_of("refused-asn1"),
                    name,
                    "verify sha2-512 pkcs1v15",
                    &signature.text,
                );
            }
        }
    }
}

fn wrapped() {
    let wrapping = &KEYS["rsa-4096"];
    let public = wrapping
        .export(ExportKind::PublicKey, None, Format::Default)
        .expect("a public key");
    let pem = public.first().expect("its only version").text.expose();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let spki = BASE64.decode(body.as_bytes()).expect("PEM");
    for (word, hash) in [("SHA1", OaepHash::Sha1), ("SHA256", OaepHash::Sha256)] {
        let bytes = wrap_import(&spki, &[4; 32], hash, &mut Fixed(21)).expect("a wrapped key");
        let encoded = BASE64.encode(&bytes);
        text(
            &format!("taken-unwrap-{word}"),
            "rsa-4096",
            &format!("unwrap {word}"),
            &encoded,
        );
        text(
            &format!("refused-unwrap-{word}"),
            "rsa-4096",
            "unwrap SHA512",
            &encoded,
        );
    }
}

fn material() {
    let import = |name: &str, word: &str, bytes: &[u8]| {
        seed("keyd_import", name, [word.as_bytes(), b"\n", bytes].concat())
    };
    let files: [(&str, &[u8]); 4] = [
        ("rsa-3072", include_bytes!("../../keys/rsa-3072.der")),
        ("rsa-4096", include_bytes!("../../keys/rsa-4096.der")),
        ("ecdsa-p256", include_bytes!("../../keys/ecdsa-p256.der")),
        ("ecdsa-p384", include_bytes!("../../keys/ecdsa-p384.der")),
    ];
    for (at, (name, bytes)) in files.iter().enumerate() {
        import(&format!("taken-{name}"), name, bytes);
        let (_, other) = files[(at + 1) % files.len()];
        import(&format!("refused-{name}-other"), name, other);
    }
    for name in [
        "xaes256-gcm",
        "aes256-gcm96",
        "xchacha20-poly1305",
        "ml-dsa-65",
        "fernet",
        "hmac",
    ] {
        import(&format!("taken-{name}"), name, &[1; 32]);
        import(&format!("refused-{name}-short"), name, &[1; 31]);
    }
    import("refused-convergent", "aes256-gcm-siv", &[1; 32]);
    import("refused-hmac-long", "hmac", &[1; 513]);
    let recovery = recovery_key().to_text();
    import("taken-recovery", "recovery", recovery.as_bytes());
    import(
        "taken-recovery-typed",
        "recovery",
        format!(" {}\n", recovery.to_uppercase()).as_bytes(),
    );
    import(
        "refused-recovery-slip",
        "recovery",
        recovery.replace('a', "b").as_bytes(),
    );
}
