//! Every row: what the client writes is what the service reads, and is the row of the page.

use super::{read, written};

/// Method, target and body as the client writes them.
const ROWS: &[(&str, &str, &str)] = &[
    (
        "POST",
        "/v1/transit/keys/k",
        r#"{"type":"aes256-gcm96","derived":true,"convergent_encryption":false,"exportable":true,"allow_plaintext_backup":false,"auto_rotate_period":3600,"key_size":32,"deletion_allowed":true}"#,
    ),
    ("GET", "/v1/transit/keys/k", ""),
    ("GET", "/v1/transit/keys/k?context=%2B%2F8%3D", ""),
    ("GET", "/v1/transit/keys?list=true", ""),
    ("DELETE", "/v1/transit/keys/k", ""),
    (
        "POST",
        "/v1/transit/keys/k/config",
        r#"{"min_decryption_version":2,"min_encryption_version":3,"deletion_allowed":true,"auto_rotate_period":0,"exportable":false,"allow_plaintext_backup":false}"#,
    ),
    ("POST", "/v1/transit/keys/k/rotate", ""),
    (
        "POST",
        "/v1/transit/keys/k/trim",
        r#"{"min_available_version":2}"#,
    ),
    (
        "POST",
        "/v1/transit/encrypt/k",
        r#"{"plaintext":"AQI=","context":"AQ==","associated_data":"Ag==","key_version":3}"#,
    ),
    (
        "POST",
        "/v1/transit/encrypt/k",
        r#"{"type":"ed25519","convergent_encryption":true,"partial_failure_response_code":207,"batch_input":[{"plaintext":"","reference":"a"},{"plaintext":"AQ=="}]}"#,
    ),
    (
        "POST",
        "/v1/transit/decrypt/k",
        r#"{"ciphertext":"vault:v1:AA==","context":"AQ==","associated_data":"Ag=="}"#,
    ),
    (
        "POST",
        "/v1/transit/decrypt/k",
        r#"{"batch_input":[{"ciphertext":"vault:v1:AA=="}]}"#,
    ),
    (
        "POST",
        "/v1/transit/rewrap/k",
        r#"{"ciphertext":"vault:v1:AA==","context":"AQ==","associated_data":"Ag==","key_version":2}"#,
    ),
    (
        "POST",
        "/v1/transit/translate/a/b",
        r#"{"ciphertext":"vault:v1:AA==","context":"AQ==","associated_data":"Ag==","target_context":"Aw==","target_associated_data":"BA==","key_version":2}"#,
    ),
    (
        "POST",
        "/v1/transit/datakey/plaintext/k",
        r#"{"bits":512,"context":"AQ==","associated_data":"Ag==","key_version":1}"#,
    ),
    ("POST", "/v1/transit/datakey/wrapped/k", r#"{"bits":256}"#),
    (
        "POST",
        "/v1/transit/sign/k",
        r#"{"hash_algorithm":"sha2-384","prehashed":true,"signature_algorithm":"pkcs1v15","marshaling_algorithm":"jws","salt_length":"auto","key_version":4,"input":"AQ==","context":"AQ=="}"#,
    ),
    (
        "POST",
        "/v1/transit/sign/k",
        r#"{"prehashed":false,"salt_length":"48","batch_input":[{"input":"AQ==","reference":"r"}]}"#,
    ),
    (
        "POST",
        "/v1/transit/verify/k",
        r#"{"hash_algorithm":"sha3-512","prehashed":false,"input":"AQ==","context":"AQ==","signature":"vault:v1:AA=="}"#,
    ),
    (
        "POST",
        "/v1/transit/verify/k",
        r#"{"prehashed":false,"batch_input":[{"input":"AQ==","hmac":"vault:v1:AA=="},{"input":"","hmac":"x"}]}"#,
    ),
    (
        "POST",
        "/v1/transit/hmac/k",
        r#"{"algorithm":"sha2-224","key_version":1,"input":"AQ=="}"#,
    ),
    (
        "POST",
        "/v1/transit/hmac/k",
        r#"{"batch_input":[{"input":"AQ=="}]}"#,
    ),
    ("POST", "/v1/transit/random", r#"{"bytes":32,"format":"base64"}"#),
    (
        "POST",
        "/v1/transit/random/platform",
        r#"{"bytes":131072,"format":"hex"}"#,
    ),
    (
        "POST",
        "/v1/transit/hash",
        r#"{"algorithm":"sha3-256","input":"AQ==","format":"hex"}"#,
    ),
    ("GET", "/v1/transit/export/encryption-key/k", ""),
    ("GET", "/v1/transit/export/signing-key/k/latest?format=pem", ""),
    ("GET", "/v1/transit/export/public-key/k/7?format=der", ""),
    ("GET", "/v1/transit/export/hmac-key/k/7", ""),
    ("GET", "/v1/transit/backup/k", ""),
    (
        "POST",
        "/v1/transit/restore",
        r#"{"backup":"crannog-keyd-backup:1:AA==","force":false}"#,
    ),
    ("POST", "/v1/transit/restore/k", r#"{"backup":"x","force":true}"#),
    ("GET", "/v1/transit/wrapping_key", ""),
    (
        "POST",
        "/v1/transit/keys/k/import",
        r#"{"ciphertext":"AQ==","hash_function":"SHA1","type":"hmac","allow_rotation":true,"derived":false,"exportable":true,"allow_plaintext_backup":true,"auto_rotate_period":7200}"#,
    ),
    (
        "POST",
        "/v1/transit/keys/k/import_version",
        r#"{"ciphertext":"AQ==","hash_function":"SHA512"}"#,
    ),
    ("GET", "/v1/transit/config/keys", ""),
    ("GET", "/v1/sys/health?activecode=299&sealedcode=200", ""),
    ("GET", "/v1/sys/seal-status", ""),
    ("GET", "/v1/sys/leader", ""),
    ("GET", "/v1/sys/init", ""),
    ("POST", "/v1/sys/init", ""),
    ("POST", "/v1/sys/unseal", ""),
    ("GET", "/v1/sys/mounts", ""),
    ("POST", "/v1/sys/mounts/a/b", ""),
    ("GET", "/v1/sys/internal/ui/mounts/transit", ""),
    ("POST", "/v1/auth/cert/login", ""),
    ("GET", "/v1/auth/token/lookup-self", ""),
    ("POST", "/v1/auth/token/renew-self", ""),
    ("POST", "/v1/auth/token/revoke-self", ""),
    (
        "POST",
        "/v1/sys/capabilities-self",
        r#"{"paths":["transit/keys/k","transit/encrypt/k"]}"#,
    ),
    ("GET", "/v1/sys/keyd/status", ""),
    ("POST", "/v1/sys/keyd/policy/reload", ""),
    (
        "POST",
        "/v1/sys/keyd/policy/explain",
        r#"{"subject":"user:www-data+socket:shop","key":"shop","op":"encrypt"}"#,
    ),
    ("POST", "/v1/sys/keyd/audit/checkpoint", ""),
    ("GET", "/v1/sys/keyd/audit/records?from=41&count=10&wait=30", ""),
    (
        "POST",
        "/v1/sys/keyd/audit/hash",
        r#"{"field":"plaintext","value":"AQ=="}"#,
    ),
    (
        "POST",
        "/v1/sys/keyd/unlock",
        r#"{"passphrase":"correct horse battery"}"#,
    ),
    ("POST", "/v1/sys/keyd/drop-connections", ""),
];

#[test]
fn every_row_is_written_as_it_is_read() {
    for (method, target, body) in ROWS {
        let call = read(method, target, body).unwrap();
        let expected = ((*method).to_owned(), (*target).to_owned(), (*body).to_owned());
        assert_eq!(written(&call), expected);
    }
}

#[test]
fn post_and_put_are_equal_and_list_has_two_forms() {
    for (method, target, body) in ROWS.iter().filter(|(method, ..)| *method == "POST") {
        assert_eq!(
            written(&read("PUT", target, body).unwrap()),
            written(&read(method, target, body).unwrap())
        );
    }
    let list = written(&read("LIST", "/v1/transit/keys", "").unwrap());
    assert_eq!(
        written(&read("GET", "/v1/transit/keys/?list=1", "").unwrap()),
        list
    );
}

#[test]
fn slashes_and_percent_signs() {
    let key = written(&read("GET", "/v1/transit/keys/k", "").unwrap());
    for target in [
        "//v1/transit//keys/k/",
        "/v1/transit/keys/%6b",
        "/v1/transit/keys/k//",
    ] {
        assert_eq!(written(&read("GET", target, "").unwrap()), key, "{target}");
    }
    // Decoded once, and then no name.
    for target in [
        "/v1/transit/keys/%256b",
        "/v1/transit/keys/a%2Fb",
        "/v1/transit/keys/.a",
        "/v1/transit/keys/%ff",
        "/v1/transit/keys/%6",
        "/v1/transit/keys/-",
    ] {
        assert_eq!(read("GET", target, "").unwrap_err().status, 404, "{target}");
    }
}

#[test]
fn a_hash_in_the_path_comes_before_the_fields() {
    let body = r#"{"input":"AQ==","hash_algorithm":"sha2-512","algorithm":"sha3-384"}"#;
    for (target, hash) in [("/sha2-224", "sha2-224"), ("", "sha2-512")] {
        let (_, _, body) = written(&read("POST", &format!("/v1/transit/sign/k{target}"), body).unwrap());
        assert!(
            body.starts_with(&format!(r#"{{"hash_algorithm":"{hash}""#)),
            "{body}"
        );
    }
    let (_, _, random) = written(&read("POST", "/v1/transit/random/all/7", r#"{"bytes":9}"#).unwrap());
    assert_eq!(random, r#"{"bytes":7,"format":"base64"}"#);
}
