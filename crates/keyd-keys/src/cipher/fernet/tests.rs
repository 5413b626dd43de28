//! The vectors of github.com/fernet/spec. Those that are refused for their time alone open here: the time is not checked.

use super::*;
use crate::tests::file;

fn secret(case: &serde_json::Value) -> Vec<u8> {
    BASE64URL
        .decode(case["secret"].as_str().unwrap().as_bytes())
        .unwrap()
}

fn opened(case: &serde_json::Value) -> Result<LockedBytes, Unopened> {
    decode(case["token"].as_str().unwrap()).and_then(|token| open(&secret(case), &token))
}

#[test]
fn published_tokens_open() {
    for name in ["fernet/verify", "fernet/generate"] {
        for case in file(name).as_array().unwrap() {
            assert_eq!(
                opened(case).unwrap().expose(),
                case["src"].as_str().unwrap().as_bytes()
            );
        }
    }
}

#[test]
fn published_invalid_tokens_do_not() {
    for case in file("fernet/invalid").as_array().unwrap() {
        let by_time = matches!(
            case["desc"].as_str().unwrap(),
            "far-future TS (unacceptable clock skew)" | "expired TTL"
        );
        assert_eq!(opened(case).is_ok(), by_time, "{case}");
    }
}
