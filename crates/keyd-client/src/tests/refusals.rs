//! The texts of the page, and the paths and methods that there are not.

use std::time::Duration;

use super::{read, refused};
use crate::{Refusal, RefusalKind};

#[test]
fn the_sentences_of_the_page() {
    let transit = |path: &str| format!("/v1/transit/{path}");
    for (path, body, text) in [
        ("encrypt/k", "{}", "missing plaintext to encrypt"),
        ("decrypt/k", "{}", "missing ciphertext to decrypt"),
        ("rewrap/k", "{}", "missing ciphertext to decrypt"),
        ("sign/k", "{}", "missing input"),
        ("hmac/k", "{}", "missing input for HMAC"),
        ("hash", "{}", "input missing"),
        (
            "encrypt/k",
            r#"{"plaintext":"AQ==","context":"?"}"#,
            "failed to base64-decode context",
        ),
        ("encrypt/k", r#"{"plaintext":"AQ"}"#, "illegal base64 data"),
        ("encrypt/k", r#"{"plaintext":"AR=="}"#, "illegal base64 data"),
        (
            "encrypt/k",
            r#"{"plaintext":"AQ==","associated_data":"-_8="}"#,
            "illegal base64 data",
        ),
        ("sign/k", r#"{"input":"?"}"#, "unable to decode input as base64"),
        (
            "sign/k",
            r#"{"input":"","hash_algorithm":"sha1"}"#,
            r#"invalid hash algorithm "sha1""#,
        ),
        (
            "sign/k/none",
            r#"{"input":""}"#,
            r#"invalid hash algorithm "none""#,
        ),
        ("hmac/k/md5", r#"{"input":""}"#, r#"unsupported algorithm "md5""#),
        ("hash/md5", r#"{"input":""}"#, r#"unsupported algorithm "md5""#),
        (
            "sign/k",
            r#"{"input":"","marshaling_algorithm":"x"}"#,
            r#"invalid marshaling type "x""#,
        ),
        ("datakey/wrapped/k", r#"{"bits":192}"#, "invalid bit length"),
        ("datakey/wrapped/k", r#"{"bits":"x"}"#, "invalid bit length"),
        ("random", r#"{"format":"x"}"#, "invalid format: x"),
        (
            "encrypt/k",
            r#"{"plaintext":"","key_version":-1}"#,
            "invalid key version",
        ),
        ("keys/k/trim", "{}", "missing min_available_version"),
        (
            "encrypt/k",
            r#"{"plaintext":"","partial_failure_response_code":199}"#,
            "partial_failure_response_code is not a status from 200 to 599",
        ),
        ("random/0", "{}", "bytes is not from 1 to 131072"),
        ("random/131073", "{}", "bytes is not from 1 to 131072"),
        ("random/seal", "{}", "unsupported source: seal"),
    ] {
        assert_eq!(
            refused("POST", &transit(path), body),
            (400, text.to_owned()),
            "{path} {body}"
        );
    }
    for (path, text) in [
        ("export/x/k", "invalid export type: x"),
        ("export/public-key/k/x", "invalid key version"),
        ("export/public-key/k?format=x", "invalid format: x"),
    ] {
        assert_eq!(
            refused("GET", &transit(path), ""),
            (400, text.to_owned()),
            "{path}"
        );
    }
}

#[test]
fn what_is_echoed_is_short() {
    let body = format!(r#"{{"input":"","hash_algorithm":"{}\n"}}"#, "x".repeat(1000));
    let (_, text) = refused("POST", "/v1/transit/sign/k", &body);
    assert_eq!(text, format!(r#"invalid hash algorithm "{}""#, "x".repeat(64)));
}

#[test]
fn paths_that_are_not_and_methods_that_are_not() {
    for path in [
        "/",
        "/v1",
        "/v2/transit/keys/k",
        "/v1/other/keys/k",
        "/v1/transit",
        "/v1/transit/keys/k/soft-delete",
        "/v1/transit/keys/k/soft-delete-restore",
        "/v1/transit/byok-export/a/b",
        "/v1/transit/keys/k/csr",
        "/v1/transit/keys/k/set-certificate",
        "/v1/transit/derive-key/k",
        "/v1/sys/policies",
        "/v1/auth/userpass/login/a",
        "/v1/sys/keyd/else",
    ] {
        assert_eq!(
            read("POST", path, "").unwrap_err(),
            Refusal::not_found(),
            "{path}"
        );
    }
    for (method, path, allow) in [
        ("POST", "/v1/transit/config/keys", "GET"),
        ("GET", "/v1/transit/cache-config", ""),
        ("POST", "/v1/transit/cache-config", ""),
        ("GET", "/v1/transit/encrypt/k", "POST, PUT"),
        ("POST", "/v1/transit/keys", "GET, LIST"),
        ("LIST", "/v1/transit/keys/k", "DELETE, GET, POST, PUT"),
        ("DELETE", "/v1/sys/mounts/transit", "POST, PUT"),
        ("POST", "/v1/sys/seal", ""),
        ("PATCH", "/v1/sys/health", "DELETE, GET, HEAD, LIST, POST, PUT"),
    ] {
        let refusal = read(method, path, "").unwrap_err();
        assert_eq!(refusal, Refusal::method(allow), "{method} {path}");
        assert_eq!(
            refusal.to_json().unwrap().as_slice(),
            br#"{"errors":["unsupported operation"]}"#
        );
    }
}

#[test]
fn refusals_as_the_page_has_them() {
    let json = |refusal: Refusal| String::from_utf8(refusal.to_json().unwrap().to_vec()).unwrap();
    assert_eq!(json(Refusal::not_found()), r#"{"errors":[]}"#);
    assert_eq!(json(Refusal::denied()), r#"{"errors":["permission denied"]}"#);
    assert_eq!(json(Refusal::sealed()), r#"{"errors":["Vault is sealed"]}"#);
    let busy = Refusal::too_many(Duration::from_millis(1200));
    assert_eq!((busy.status, busy.retry_after_seconds()), (429, Some(2)));
    assert_eq!(json(busy), r#"{"errors":["too many requests"]}"#);
    for (refusal, kind) in [
        (Refusal::invalid(""), RefusalKind::Invalid),
        (Refusal::denied(), RefusalKind::Denied),
        (Refusal::sealed(), RefusalKind::Sealed),
        (
            Refusal::unavailable("the audit log cannot be written"),
            RefusalKind::Unavailable,
        ),
        (Refusal::failed("key is damaged"), RefusalKind::Failed),
        (Refusal::body_too_large(), RefusalKind::Bounds),
    ] {
        assert_eq!(refusal.kind(), kind);
        assert_eq!(refusal.closes(), kind == RefusalKind::Bounds);
    }
}
