//! CHK-029, KEY-005, KEY-015: whatever does not decode, or is too much, is refused, and nothing panics.

use proptest::prelude::*;

use super::{read, refused};
use crate::{Call, Limits, Mount, Received};

const ENCRYPT: &str = "/v1/transit/encrypt/k";

fn said(body: &str) -> String {
    let (status, text) = refused("POST", ENCRYPT, body);
    assert_eq!(status, 400, "{body}");
    text
}

#[test]
fn what_is_no_object_or_goes_on_after_it() {
    for body in [
        "{",
        "nul",
        "{} {}",
        "{}x",
        r#"{"a":1e999}"#,
        "{\"a\":\"\u{1}\"}",
        r#"{"a":"\ud800"}"#,
    ] {
        assert_eq!(said(body), "failed to parse JSON input", "{body}");
    }
    for body in ["[]", "null", "7", r#""text""#] {
        assert_eq!(said(body), "the body is not a JSON object");
    }
}

#[test]
fn a_field_twice_wherever_it_stands() {
    for body in [
        r#"{"plaintext":"","plaintext":""}"#,
        r#"{"x":1,"plaintext":"","x":1}"#,
        r#"{"plaintext":"","x":{"a":null,"b":0,"a":null}}"#,
        r#"{"batch_input":[{"plaintext":"","plaintext":""}]}"#,
        r#"{"plaintext":"","\u0070laintext":""}"#,
    ] {
        assert_eq!(said(body), "a field stands twice", "{body}");
    }
    assert_eq!(refused("GET", "/v1/transit/keys/k?context=&context=", "").0, 400);
}

#[test]
fn sixteen_levels_and_no_more() {
    let nested = |levels: usize| {
        format!(
            r#"{{"plaintext":"","x":{}{}}}"#,
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    assert!(read("POST", ENCRYPT, &nested(16)).is_ok());
    assert_eq!(said(&nested(17)), "the body is nested too deeply");
    assert_eq!(said(&nested(100_000)), "the body is nested too deeply");
}

#[test]
fn items_and_values_are_counted() {
    let batch = |items: usize| format!(r#"{{"batch_input":[{}]}}"#, vec!["{}"; items].join(","));
    assert!(read("POST", ENCRYPT, &batch(3)).is_ok());
    assert_eq!(said(&batch(4)), "batch_input has more than 3 items");
    let many = format!(r#"{{"x":[{}]}}"#, vec!["0"; 4 * 64].join(","));
    assert_eq!(said(&many), "the body has too many values");
}

#[test]
fn a_nonce_from_outside_is_refused() {
    let nonce = "nonce provided when not allowed";
    assert_eq!(said(r#"{"plaintext":"","nonce":"AAAA"}"#), nonce);
    assert_eq!(
        refused("POST", "/v1/transit/datakey/wrapped/k", r#"{"nonce":"AAAA"}"#),
        (400, nonce.to_owned())
    );
    let call = read(
        "POST",
        ENCRYPT,
        r#"{"batch_input":[{"plaintext":"","nonce":"AAAA"},{"plaintext":""}]}"#,
    );
    let Ok(Call::Encrypt(_, _, crypt)) = call else {
        panic!()
    };
    let crate::Items::Batch(items) = crypt.items else {
        panic!()
    };
    assert_eq!(items[0].item.as_ref().unwrap_err().to_string(), nonce);
    assert!(items[1].item.is_ok());
}

#[test]
fn batches_are_whole_or_each_item_for_itself() {
    let nothing = "missing batch input to process";
    assert_eq!(said(r#"{"batch_input":[]}"#), nothing);
    assert_eq!(said(r#"{"batch_input":{}}"#), nothing);
    assert_eq!(said(r#"{"batch_input":"x","plaintext":""}"#), nothing);
    assert_eq!(
        said(r#"{"batch_input":[{"plaintext":"","context":"AQ=="},{"plaintext":"","context":""}]}"#),
        "context should be set either in all the request blocks or in none"
    );
    assert_eq!(
        said(r#"{"batch_input":[7]}"#),
        "batch_input is not an array of objects"
    );
    let call = read(
        "POST",
        "/v1/transit/decrypt/k",
        r#"{"ciphertext":"ignored","batch_input":[{"reference":"a"},{"ciphertext":"x","context":null}]}"#,
    );
    let Ok(Call::Decrypt(_, crypt)) = call else {
        panic!()
    };
    let crate::Items::Batch(items) = crypt.items else {
        panic!()
    };
    assert_eq!(items[0].reference, "a");
    assert_eq!(
        items[0].item.as_ref().unwrap_err().to_string(),
        "missing ciphertext to decrypt"
    );
    assert_eq!(items[1].item.as_ref().unwrap().ciphertext.as_str(), "x");
    let mixed = r#"{"batch_input":[{"input":"","hmac":"x"},{"input":"","signature":"x"}]}"#;
    assert_eq!(refused("POST", "/v1/transit/verify/k", mixed).0, 400);
}

/// JSON, more or less: what the decoder must survive.
fn json() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "plaintext",
        "ciphertext",
        "context",
        "batch_input",
        "key_version",
        "input",
        "type",
        "bytes",
        "bits",
        "x",
    ]);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|truth| truth.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "[ -~]{0,12}".prop_map(|text| format!("\"{}\"", text.replace(['"', '\\'], ""))),
    ];
    leaf.prop_recursive(20, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|fields| {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn targets() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "/v1/transit/encrypt/k",
        "/v1/transit/decrypt/k",
        "/v1/transit/rewrap/k",
        "/v1/transit/translate/a/b",
        "/v1/transit/datakey/plaintext/k",
        "/v1/transit/sign/k",
        "/v1/transit/verify/k",
        "/v1/transit/hmac/k",
        "/v1/transit/keys/k",
        "/v1/transit/keys/k/config",
        "/v1/transit/keys/k/import",
        "/v1/transit/random",
        "/v1/transit/hash",
        "/v1/transit/restore",
        "/v1/sys/capabilities-self",
        "/v1/sys/keyd/policy/explain",
    ])
}

proptest! {
    #[test]
    fn no_json_panics_and_what_is_read_is_written_and_read_again(target in targets(), body in json()) {
        if let Ok(call) = read("POST", target, &body) {
            let sent = call.write(&Mount::default()).unwrap();
            let received = Received { method: &sent.method, target: &sent.target, body: &sent.body };
            let again = Call::read(&received, &Mount::default(), Limits { batch: 3 }).unwrap();
            prop_assert_eq!(sent.body.to_vec(), again.write(&Mount::default()).unwrap().body.to_vec());
        }
    }

    #[test]
    fn no_bytes_and_no_target_panic(
        target in "/?(v1/)?(transit/|sys/|auth/)?[a-z_/%0-9?=&+.~-]{0,40}",
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for method in ["GET", "POST", "LIST", "DELETE", "HEAD", "PATCH"] {
            let method = http::Method::from_bytes(method.as_bytes()).unwrap();
            let received = Received { method: &method, target: &target, body: &body };
            let _any = Call::read(&received, &Mount::default(), Limits::default());
        }
    }
}
