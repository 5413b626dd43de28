//! What clients send instead of what is meant.

use super::{read, refused, written};
use crate::Seconds;

fn same(target: &str, one: &str, other: &str) {
    let body = |body: &str| written(&read("POST", target, body).unwrap()).2;
    assert_eq!(body(one), body(other));
}

#[test]
fn words_for_booleans_digits_for_integers_and_durations() {
    let create = "/v1/transit/keys/k";
    same(
        create,
        r#"{"derived":"true","exportable":"0"}"#,
        r#"{"derived":true,"exportable":false}"#,
    );
    same(create, r#"{"derived":"1"}"#, r#"{"derived":true}"#);
    same(
        create,
        r#"{"auto_rotate_period":"30d","key_size":"64"}"#,
        r#"{"auto_rotate_period":2592000,"key_size":64}"#,
    );
    same(
        create,
        r#"{"auto_rotate_period":"1h30m"}"#,
        r#"{"auto_rotate_period":"5400"}"#,
    );
    for wrong in [
        r#"{"derived":"yes"}"#,
        r#"{"derived":1}"#,
        r#"{"key_size":"+1"}"#,
        r#"{"key_size":-1}"#,
        r#"{"key_size":65536}"#,
        r#"{"key_size":1.0}"#,
        r#"{"auto_rotate_period":"1.5h"}"#,
        r#"{"type":7}"#,
    ] {
        assert_eq!(refused("POST", create, wrong).0, 400, "{wrong}");
    }
}

#[test]
fn durations() {
    for (text, seconds) in [
        ("0", Some(0)),
        ("90s", Some(90)),
        ("1h30m", Some(5400)),
        ("1d1h1m1s", Some(90_061)),
        ("", None),
        ("h", None),
        ("1", Some(1)),
        ("1h3", None),
        ("1w", None),
        ("-1h", None),
        ("18446744073709551615s", Some(u64::MAX)),
        ("18446744073709551615m", None),
        ("18446744073709551616", None),
        ("1ü", None),
    ] {
        assert_eq!(Seconds::parse(text), seconds.map(Seconds), "{text}");
    }
}

#[test]
fn null_is_absence_and_so_is_empty_text_for_some() {
    let encrypt = "/v1/transit/encrypt/k";
    same(
        encrypt,
        r#"{"plaintext":"AQ==","context":"","nonce":"","associated_data":"","key_version":""}"#,
        r#"{"plaintext":"AQ==","context":null,"nonce":null,"associated_data":null,"key_version":null,"batch_input":null}"#,
    );
    // An empty plaintext is one.
    assert!(read("POST", encrypt, r#"{"plaintext":""}"#).is_ok());
    assert_eq!(
        refused("POST", encrypt, r#"{"plaintext":null}"#),
        (400, "missing plaintext to encrypt".to_owned())
    );
}

#[test]
fn unknown_fields_are_ignored_and_a_body_may_be_missing() {
    same("/v1/transit/keys/k", r#"{"soft":{"a":[1,-2,3.5,null]}}"#, "");
    same("/v1/transit/keys/k", " \n", "{}");
    same(
        "/v1/transit/encrypt/k",
        r#"{"plaintext":"+\/8="}"#,
        r#"{"plaintext":"+/8="}"#,
    );
}

#[test]
fn capabilities_are_asked_for_in_three_ways() {
    let target = "/v1/sys/capabilities-self";
    same(target, r#"{"path":"a"}"#, r#"{"paths":["a"]}"#);
    same(target, r#"{"paths":"a"}"#, r#"{"path":["a"]}"#);
    assert_eq!(refused("POST", target, "{}"), (400, "missing paths".to_owned()));
}
