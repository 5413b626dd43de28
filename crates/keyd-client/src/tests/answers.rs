//! Every answer: what the service writes is the page's, and what the client reads of it is written again the same.

use super::read;
use crate::answer::Answer;
use crate::{
    Decrypted, Encrypted, ItemFault, Octets, Outcome, Outcomes, PartialStatus, Reply, SecretText, Wrong, json,
};

const KEY: &str = r#"{"name":"k","type":"aes256-gcm96","derived":true,"deletion_allowed":false,"exportable":false,"allow_plaintext_backup":false,"imported_key":true,"soft_deleted":false,"latest_version":2,"min_available_version":0,"min_decryption_version":1,"min_encryption_version":0,"auto_rotate_period":3600,"supports_encryption":true,"supports_decryption":true,"supports_signing":false,"supports_derivation":true,"keys":{"1":1763742827,"2":1763742900},"imported_key_allow_rotation":true,"kdf":"hkdf_sha256","kdf_mode":"","convergent_encryption":false,"uses":{"1":65536,"2":65536}}"#;
const PUBLIC: &str = r#"{"name":"k","type":"ed25519","derived":false,"deletion_allowed":false,"exportable":false,"allow_plaintext_backup":false,"imported_key":false,"soft_deleted":false,"latest_version":1,"min_available_version":0,"min_decryption_version":1,"min_encryption_version":0,"auto_rotate_period":0,"supports_encryption":false,"supports_decryption":false,"supports_signing":true,"supports_derivation":true,"keys":{"1":{"name":"ed25519","public_key":"AA==","creation_time":"2026-11-21T18:33:47Z"}}}"#;
const MOUNT: &str = r#"{"accessor":"transit_1","config":{"default_lease_ttl":0,"max_lease_ttl":0,"force_no_cache":false},"description":"","external_entropy_access":false,"local":false,"options":null,"seal_wrap":false,"type":"transit","uuid":"u"}"#;
const AUTH: &str = r#"{"client_token":"crkd.AA","accessor":"a","policies":["crannog-keyd"],"token_policies":["crannog-keyd"],"metadata":{"fingerprint":"00"},"lease_duration":3600,"renewable":true,"token_type":"service","orphan":true,"entity_id":"","num_uses":0}"#;
const SEAL: &str = r#"{"type":"crannog","initialized":true,"sealed":false,"t":1,"n":1,"progress":0,"nonce":"","version":"1.15.0+crannog.0.1.0","build_date":"","migration":false,"recovery_seal":true,"storage_type":"file","cluster_name":"crannog-keyd","cluster_id":"00"}"#;

/// Method, target, body, mount type and `data`.
const ROWS: &[(&str, &str, &str, &str, &str)] = &[
    ("POST", "transit/keys/k", "", "transit", KEY),
    ("GET", "transit/keys/k", "", "transit", PUBLIC),
    ("POST", "transit/keys/k/rotate", "", "transit", KEY),
    ("LIST", "transit/keys", "", "transit", r#"{"keys":["a","b"]}"#),
    (
        "POST",
        "transit/encrypt/k",
        r#"{"plaintext":""}"#,
        "transit",
        r#"{"ciphertext":"vault:v1:AA==","key_version":1}"#,
    ),
    (
        "POST",
        "transit/encrypt/k",
        r#"{"batch_input":[{},{}]}"#,
        "transit",
        r#"{"batch_results":[{"ciphertext":"vault:v1:AA==","key_version":1,"reference":"r"},{"error":"missing plaintext to encrypt","reference":""}]}"#,
    ),
    (
        "POST",
        "transit/decrypt/k",
        r#"{"ciphertext":""}"#,
        "transit",
        r#"{"plaintext":"AQI="}"#,
    ),
    (
        "POST",
        "transit/datakey/plaintext/k",
        "",
        "transit",
        r#"{"ciphertext":"vault:v1:AA==","key_version":1,"plaintext":"AQI="}"#,
    ),
    (
        "POST",
        "transit/datakey/wrapped/k",
        "",
        "transit",
        r#"{"ciphertext":"vault:v1:AA==","key_version":1}"#,
    ),
    (
        "POST",
        "transit/sign/k",
        r#"{"input":""}"#,
        "transit",
        r#"{"signature":"vault:v1:AA==","key_version":1,"public_key":"AA=="}"#,
    ),
    (
        "POST",
        "transit/verify/k",
        r#"{"batch_input":[{"input":"","hmac":""}]}"#,
        "transit",
        r#"{"batch_results":[{"valid":false,"reference":""}]}"#,
    ),
    (
        "POST",
        "transit/hmac/k",
        r#"{"input":""}"#,
        "transit",
        r#"{"hmac":"vault:v1:AA=="}"#,
    ),
    (
        "POST",
        "transit/random/2",
        "",
        "transit",
        r#"{"random_bytes":"AQI="}"#,
    ),
    (
        "POST",
        "transit/hash",
        r#"{"input":""}"#,
        "transit",
        r#"{"sum":"e3b0"}"#,
    ),
    (
        "GET",
        "transit/export/hmac-key/k",
        "",
        "transit",
        r#"{"name":"k","type":"hmac","keys":{"1":"AQI="}}"#,
    ),
    (
        "GET",
        "transit/backup/k",
        "",
        "transit",
        r#"{"backup":"crannog-keyd-backup:1:AA=="}"#,
    ),
    (
        "GET",
        "transit/wrapping_key",
        "",
        "transit",
        r#"{"public_key":"-----BEGIN PUBLIC KEY-----\n"}"#,
    ),
    (
        "GET",
        "transit/config/keys",
        "",
        "transit",
        r#"{"disable_upsert":true}"#,
    ),
    ("GET", "sys/internal/ui/mounts/transit", "", "system", MOUNT),
    (
        "GET",
        "auth/token/lookup-self",
        "",
        "token",
        r#"{"accessor":"a","creation_time":0,"creation_ttl":0,"display_name":"uid:1000","entity_id":"","expire_time":null,"explicit_max_ttl":0,"id":"","issue_time":null,"meta":null,"num_uses":0,"orphan":true,"path":"auth/cert/login","policies":["crannog-keyd"],"renewable":false,"ttl":0,"type":"service"}"#,
    ),
    (
        "POST",
        "sys/capabilities-self",
        r#"{"path":"a"}"#,
        "system",
        r#"{"a":["update"],"capabilities":["update"]}"#,
    ),
    (
        "GET",
        "sys/keyd/status",
        "",
        "system",
        r#"{"version":"0.1.0","store":"00","sealed":false,"keys":1,"damaged_keys":0,"policy":"00","measures":["seccomp"],"missing_measures":[],"locked_bytes":1,"unlocked_bytes":0,"connections":1,"audit":{"origin":"crannog-keyd/00","verifier_key":"k","size":1,"dropped":0,"full":false}}"#,
    ),
    (
        "POST",
        "sys/keyd/policy/reload",
        "",
        "system",
        r#"{"policy":"00","rules":3}"#,
    ),
    (
        "POST",
        "sys/keyd/policy/explain",
        r#"{"subject":"any","op":"random"}"#,
        "system",
        r#"{"allowed":true,"rule":"shop","rules":[{"name":"shop","verdict":"allows"}]}"#,
    ),
    (
        "POST",
        "sys/keyd/audit/checkpoint",
        "",
        "system",
        r#"{"note":"crannog-keyd/00\n"}"#,
    ),
    (
        "GET",
        "sys/keyd/audit/records",
        "",
        "system",
        r#"{"records":["{\"n\":0}"],"next":1}"#,
    ),
    (
        "POST",
        "sys/keyd/audit/hash",
        r#"{"field":"plaintext","value":""}"#,
        "system",
        r#"{"hash":"00"}"#,
    ),
];

/// What the client reads, and the service writes again.
fn again(method: &str, target: &str, body: &str, answer: &str) -> String {
    let call = read(method, &format!("/v1/{target}"), body).unwrap();
    let fields = json::read(answer.as_bytes(), 1000).unwrap();
    let reply = Reply::read(&call, 200, &fields).unwrap();
    String::from_utf8(reply.to_json().unwrap().unwrap().to_vec()).unwrap()
}

#[test]
fn every_answer_in_its_envelope() {
    for (method, target, body, mount, data) in ROWS {
        let enveloped = format!(
            r#"{{"request_id":"9f","lease_id":"","renewable":false,"lease_duration":0,"data":{data},"wrap_info":null,"warnings":["key k already existed"],"auth":null,"mount_type":"{mount}"}}"#
        );
        assert_eq!(again(method, target, body, &enveloped), enveloped, "{target}");
    }
}

#[test]
fn tokens_stand_under_auth_and_mounts_twice() {
    for (target, mount) in [("auth/cert/login", "cert"), ("auth/token/renew-self", "token")] {
        let enveloped = format!(
            r#"{{"request_id":"9f","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":null,"warnings":null,"auth":{AUTH},"mount_type":"{mount}"}}"#
        );
        assert_eq!(again("POST", target, "", &enveloped), enveloped);
    }
    let mounts = format!(
        r#"{{"request_id":"9f","lease_id":"","renewable":false,"lease_duration":0,"data":{{"transit/":{MOUNT}}},"wrap_info":null,"warnings":null,"auth":null,"mount_type":"system","transit/":{MOUNT}}}"#
    );
    assert_eq!(again("GET", "sys/mounts", "", &mounts), mounts);
}

#[test]
fn what_has_no_envelope() {
    let health = r#"{"initialized":true,"sealed":false,"standby":false,"performance_standby":false,"replication_performance_mode":"disabled","replication_dr_mode":"disabled","server_time_utc":1763742827,"version":"1.15.0+crannog.0.1.0","cluster_name":"crannog-keyd","cluster_id":"00"}"#;
    for (method, target, answer) in [
        ("GET", "sys/health", health),
        ("GET", "sys/seal-status", SEAL),
        ("POST", "sys/unseal", SEAL),
        ("GET", "sys/leader", r#"{"ha_enabled":false,"is_self":true}"#),
        ("GET", "sys/init", r#"{"initialized":true}"#),
    ] {
        assert_eq!(again(method, target, "", answer), answer);
    }
}

#[test]
fn what_is_done_without_a_word() {
    let reply = Reply {
        status: 204,
        request_id: String::new(),
        warnings: Vec::new(),
        answer: Answer::Nothing,
    };
    assert!(reply.to_json().unwrap().is_none());
}

#[test]
fn the_status_of_a_batch() {
    let done = || {
        Ok(Encrypted {
            ciphertext: "vault:v1:AA==".into(),
            key_version: 1,
        })
    };
    let fault = |by_service| {
        Err(ItemFault {
            text: "x".to_owned(),
            by_service,
        })
    };
    let batch = |results: Vec<_>| {
        let outcome = |result| Outcome {
            reference: String::new(),
            result,
        };
        Outcomes::Batch(results.into_iter().map(outcome).collect())
    };
    let partial = PartialStatus::new(207);
    assert_eq!(Outcomes::One(done().unwrap()).status(partial), 200);
    assert_eq!(batch(vec![done(), done()]).status(partial), 200);
    assert_eq!(batch(vec![done(), fault(false)]).status(None), 400);
    assert_eq!(batch(vec![done(), fault(true)]).status(None), 500);
    assert_eq!(batch(vec![fault(true), fault(false)]).status(None), 400);
    assert_eq!(batch(vec![done(), fault(true)]).status(partial), 207);
    assert_eq!(batch(vec![fault(true), fault(true)]).status(partial), 500);
    assert_eq!(batch(vec![fault(false), fault(true)]).status(partial), 400);
    assert!(PartialStatus::new(199).is_none() && PartialStatus::new(600).is_none());
}

#[test]
fn a_batch_has_as_many_answers_as_questions() {
    let call = read("POST", "/v1/transit/decrypt/k", r#"{"batch_input":[{},{}]}"#).unwrap();
    let body = br#"{"data":{"batch_results":[{"plaintext":"","reference":""}]}}"#;
    let fields = json::read(body, 1000).unwrap();
    assert_eq!(
        Reply::read(&call, 200, &fields).unwrap_err(),
        Wrong::BatchLength {
            asked: 2,
            answered: 1
        }
    );
}

#[test]
fn debug_shows_no_secret() {
    let plaintext = Decrypted {
        plaintext: Octets::copied(b"secret"),
    };
    assert_eq!(format!("{plaintext:?}"), "Decrypted { plaintext: Octets }");
    let text = SecretText::new("secret".to_owned());
    assert_eq!(format!("{text:?}"), "SecretText");
    let call = read("POST", "/v1/transit/encrypt/k", r#"{"plaintext":"c2VjcmV0"}"#).unwrap();
    let shown = format!("{call:?}");
    assert!(
        shown.contains("plaintext: Octets") && !shown.contains("115, 101"),
        "{shown}"
    );
}
