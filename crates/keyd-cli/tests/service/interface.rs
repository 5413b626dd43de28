//! The interface, row by row, against the running service: what clients send, and what they get.

use crate::world::{Http, ROOT_ALONE, World};
use data_encoding::BASE64;
use serde_json::{Value, json};

fn b64(text: &str) -> String {
    BASE64.encode(text.as_bytes())
}

fn plaintext(http: &Http, key: &str, body: &Value) -> String {
    let answer = http.post(&format!("transit/decrypt/{key}"), body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let bytes = BASE64.decode(answer.data()["plaintext"].as_str().unwrap().as_bytes());
    String::from_utf8(bytes.unwrap()).unwrap()
}

#[test]
fn every_encrypting_type_goes_there_and_back() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    for (kind, symmetric) in [
        ("xaes256-gcm", true),
        ("aes256-gcm96", true),
        ("xchacha20-poly1305", true),
        ("aes256-gcm-siv", true),
        ("rsa-3072", false),
    ] {
        let made = http.post(&format!("transit/keys/{kind}"), &json!({ "type": kind }));
        assert_eq!(
            (made.status, &made.data()["type"]),
            (200, &json!(kind)),
            "{made:?}"
        );
        let mut item = json!({ "plaintext": b64("four bytes: äöü") });
        if symmetric {
            item["associated_data"] = json!(b64("order 41"));
        }
        let sealed = http.post(&format!("transit/encrypt/{kind}"), &item);
        assert_eq!(sealed.status, 200, "{sealed:?}");
        let mut back = json!({ "ciphertext": sealed.data()["ciphertext"] });
        if symmetric {
            let without = http.post(&format!("transit/decrypt/{kind}"), &back);
            assert_eq!(
                (without.status, without.error()),
                (400, "invalid ciphertext: unable to decrypt")
            );
            back["associated_data"] = json!(b64("order 41"));
        }
        assert_eq!(plaintext(&http, kind, &back), "four bytes: äöü");
    }
}

#[test]
fn every_signing_type_signs_what_it_verifies_and_nothing_else() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    for kind in ["ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-3072", "ml-dsa-65"] {
        http.post(&format!("transit/keys/{kind}"), &json!({ "type": kind }));
        let signed = http.post(&format!("transit/sign/{kind}"), &json!({ "input": b64("pay 5") }));
        let signature = &signed.data()["signature"];
        let verify = |input: &str| {
            let body = json!({ "input": b64(input), "signature": signature });
            http.post(&format!("transit/verify/{kind}"), &body).data()["valid"].clone()
        };
        assert_eq!(
            (verify("pay 5"), verify("pay 9")),
            (json!(true), json!(false)),
            "{kind}: {signed:?}"
        );
    }
    let mac = http.post("transit/hmac/ed25519/sha3-256", &json!({ "input": b64("x") }));
    let body = json!({ "input": b64("x"), "hmac": mac.data()["hmac"] });
    assert_eq!(
        http.post("transit/verify/ed25519/sha3-256", &body).data()["valid"],
        true
    );
}

#[test]
fn versions_rotate_rewrap_and_are_trimmed() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    http.post("transit/keys/a", &json!({ "deletion_allowed": false }));
    let first = http
        .post("transit/encrypt/a", &json!({ "plaintext": b64("x") }))
        .data()["ciphertext"]
        .clone();
    assert_eq!(
        http.post("transit/keys/a/rotate", &json!({})).data()["latest_version"],
        2
    );
    let second = http.post("transit/rewrap/a", &json!({ "ciphertext": first }));
    assert!(
        second.data()["ciphertext"]
            .as_str()
            .unwrap()
            .starts_with("vault:v2:"),
        "{second:?}"
    );
    let config =
        json!({ "min_decryption_version": 2, "min_encryption_version": 2, "deletion_allowed": true });
    assert_eq!(http.post("transit/keys/a/config", &config).status, 200);
    let old = http.post("transit/decrypt/a", &json!({ "ciphertext": first }));
    assert_eq!(
        old.error(),
        "ciphertext or signature version is disallowed by policy (too old)"
    );
    assert_eq!(
        http.post("transit/keys/a/trim", &json!({ "min_available_version": 2 }))
            .status,
        200
    );
    assert_eq!(
        plaintext(&http, "a", &json!({ "ciphertext": second.data()["ciphertext"] })),
        "x"
    );
    assert_eq!(http.send("DELETE", "transit/keys/a", "").status, 204);
    assert_eq!(http.get("transit/keys/a").status, 404);
}

#[test]
fn derived_keys_need_their_context_and_others_refuse_one() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    http.post("transit/keys/d", &json!({ "derived": true }));
    http.post("transit/keys/p", &json!({}));
    let item = json!({ "plaintext": b64("x"), "context": b64("tenant 1") });
    let sealed = http.post("transit/encrypt/d", &item).data()["ciphertext"].clone();
    let open = |context: &str| {
        http.post(
            "transit/decrypt/d",
            &json!({ "ciphertext": sealed, "context": b64(context) }),
        )
        .status
    };
    assert_eq!((open("tenant 1"), open("tenant 2")), (200, 400));
    // KEY-005
    let unwanted = http.post("transit/encrypt/p", &item);
    assert_eq!(unwanted.error(), "context provided for a key that is not derived");
    let nonce = json!({ "plaintext": b64("x"), "nonce": b64("123456789012") });
    assert_eq!(
        http.post("transit/encrypt/p", &nonce).error(),
        "nonce provided when not allowed"
    );
    let empty = json!({ "plaintext": b64("x"), "context": "", "nonce": "" });
    assert_eq!(http.post("transit/encrypt/p", &empty).status, 200);
}

#[test]
fn a_batch_fails_item_by_item() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    http.post("transit/keys/a", &json!({}));
    let items = json!({ "batch_input": [
        { "plaintext": b64("one"), "reference": "r1" }, { "plaintext": "***" }, { "plaintext": b64("three") },
    ] });
    let sealed = http.post("transit/encrypt/a", &items);
    assert_eq!(sealed.status, 400);
    let results = &sealed.data()["batch_results"];
    assert_eq!(
        (&results[0]["reference"], &results[1]["error"]),
        (&json!("r1"), &json!("illegal base64 data"))
    );
    let mut lenient = items.clone();
    lenient["partial_failure_response_code"] = json!(207);
    assert_eq!(http.post("transit/encrypt/a", &lenient).status, 207);
    let back = json!({ "batch_input": [{ "ciphertext": results[0]["ciphertext"] }, { "ciphertext": results[2]["ciphertext"] }] });
    let opened = http.post("transit/decrypt/a", &back);
    assert_eq!(opened.data()["batch_results"][1]["plaintext"], b64("three"));
    let mixed = json!({ "batch_input": [{ "plaintext": "", "context": b64("c") }, { "plaintext": "" }] });
    assert_eq!(
        http.post("transit/encrypt/a", &mixed).error(),
        "context should be set either in all the request blocks or in none"
    );
}

#[test]
fn keys_leave_only_where_that_was_allowed_and_come_back() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    http.post("transit/keys/closed", &json!({}));
    http.post(
        "transit/keys/open",
        &json!({ "exportable": true, "allow_plaintext_backup": true, "deletion_allowed": true }),
    );
    // KEY-013 and its honest twin.
    assert_eq!(http.get("transit/export/encryption-key/closed").status, 400);
    assert_eq!(http.get("transit/backup/closed").status, 500);
    let exported = http.get("transit/export/encryption-key/open");
    assert_eq!(exported.data()["keys"]["1"].as_str().unwrap().len(), 44);
    let sealed = http
        .post("transit/encrypt/open", &json!({ "plaintext": b64("kept") }))
        .data()["ciphertext"]
        .clone();
    let backup = http.get("transit/backup/open").data()["backup"].clone();
    let again = http.post("transit/restore", &json!({ "backup": backup }));
    assert_eq!(
        (again.status, again.error()),
        (500, "key \"open\" already exists")
    );
    assert_eq!(http.send("DELETE", "transit/keys/open", "").status, 204);
    assert_eq!(
        http.post("transit/restore", &json!({ "backup": backup })).status,
        204
    );
    assert_eq!(plaintext(&http, "open", &json!({ "ciphertext": sealed })), "kept");
    assert_eq!(
        http.post("transit/restore/other", &json!({ "backup": backup }))
            .status,
        204
    );
    assert_eq!(
        plaintext(&http, "other", &json!({ "ciphertext": sealed })),
        "kept"
    );
}

#[test]
fn a_ciphertext_moves_from_key_to_key_without_its_plaintext_being_shown() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    http.post("transit/keys/a", &json!({}));
    http.post("transit/keys/b", &json!({ "type": "aes256-gcm96" }));
    let sealed = http
        .post("transit/encrypt/a", &json!({ "plaintext": b64("x") }))
        .data()["ciphertext"]
        .clone();
    let moved = http.post("transit/translate/a/b", &json!({ "ciphertext": sealed }));
    assert!(moved.data().get("plaintext").is_none(), "{moved:?}");
    assert_eq!(
        plaintext(&http, "b", &json!({ "ciphertext": moved.data()["ciphertext"] })),
        "x"
    );
    let key = http.post("transit/datakey/plaintext/a", &json!({ "bits": 512 }));
    assert_eq!(
        BASE64
            .decode(key.data()["plaintext"].as_str().unwrap().as_bytes())
            .unwrap()
            .len(),
        64
    );
    let wrapped = http.post("transit/datakey/wrapped/a", &json!({}));
    assert!(
        wrapped.data().get("plaintext").is_none() && wrapped.status == 200,
        "{wrapped:?}"
    );
}

#[test]
fn listing_is_a_method_or_a_query_and_nothing_is_404() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    let none = http.send("LIST", "transit/keys", "");
    assert_eq!((none.status, &none.body["errors"]), (404, &json!([])));
    http.post("transit/keys/b", &json!({}));
    http.send("PUT", "transit/keys/a", "");
    for list in [
        http.send("LIST", "transit/keys/", ""),
        http.get("transit/keys?list=true"),
    ] {
        assert_eq!(list.data()["keys"], json!(["a", "b"]));
        assert_eq!(list.header("content-type"), Some("application/json"));
    }
    let again = http.post("transit/keys/a", &json!({ "type": "ed25519" }));
    assert_eq!(
        (&again.body["warnings"], &again.data()["type"]),
        (&json!(["key a already existed"]), &json!("xaes256-gcm"))
    );
}

#[test]
fn what_is_not_there_and_what_is_not_done_is_told_in_the_words_of_the_page() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    for (method, path, body, status, error) in [
        (
            "POST",
            "transit/encrypt/none",
            r#"{"plaintext":""}"#,
            400,
            "encryption key not found",
        ),
        (
            "POST",
            "transit/sign/none",
            r#"{"input":""}"#,
            400,
            "signing key not found",
        ),
        ("POST", "transit/keys/none/rotate", "", 400, "key not found"),
        (
            "POST",
            "transit/keys/none/config",
            "{}",
            400,
            "no existing key named none could be found",
        ),
        (
            "DELETE",
            "transit/keys/none",
            "",
            400,
            "could not delete key; not found",
        ),
        ("GET", "transit/keys/none", "", 404, ""),
        ("GET", "transit/backup/none", "", 500, "key \"none\" not found"),
        (
            "POST",
            "transit/keys/x",
            r#"{"type":"des"}"#,
            400,
            "unknown key type des",
        ),
        (
            "POST",
            "transit/encrypt/none",
            "{",
            400,
            "failed to parse JSON input",
        ),
        (
            "POST",
            "transit/encrypt/none",
            r#"{"plaintext":"","plaintext":""}"#,
            400,
            "a field stands twice",
        ),
        ("DELETE", "transit/encrypt/none", "", 405, "unsupported operation"),
        ("POST", "transit/config/keys", "{}", 405, "unsupported operation"),
        ("POST", "transit/keys/x/csr", "{}", 404, ""),
        ("POST", "other/encrypt/x", "{}", 404, ""),
        ("GET", "secret/data/x", "", 404, ""),
        (
            "POST",
            "sys/mounts/transit",
            "{}",
            400,
            "path is already in use at transit/",
        ),
        (
            "POST",
            "auth/cert/login",
            "{}",
            400,
            "client certificate must be supplied",
        ),
    ] {
        let answer = http.send(method, path, body);
        assert_eq!(
            (answer.status, answer.error()),
            (status, error),
            "{method} {path} {body}"
        );
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
    }
    assert_eq!(
        http.send("DELETE", "transit/encrypt/x", "").header("allow"),
        Some("POST, PUT")
    );
}

#[test]
fn heads_that_mean_something_else_here_are_refused() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    let with = |field: &str| {
        let head =
            format!("GET /v1/sys/seal-status HTTP/1.1\r\nHost: x\r\n{field}\r\nConnection: close\r\n\r\n");
        http.raw(head.as_bytes()).unwrap()
    };
    assert_eq!(
        with("X-Vault-Namespace: a").error(),
        "namespaces are not supported"
    );
    assert_eq!(
        with("X-Vault-Wrap-TTL: 60").error(),
        "response wrapping is not supported"
    );
    // Tokens are nothing on a local socket.
    assert_eq!(with("X-Vault-Token: dummy").status, 200);
    assert_eq!(with("X-Vault-Namespace: ").body["sealed"], false);
}

#[test]
fn imported_keys_open_what_was_sealed_elsewhere_and_do_not_rotate_unasked() {
    let world = World::new(ROOT_ALONE);
    let _service = world.start();
    let http = world.http();
    let wrapping = http.get("transit/wrapping_key");
    let pem = wrapping.data()["public_key"].as_str().unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let spki = BASE64.decode(body.as_bytes()).unwrap();
    let material = [7; 32];
    let hash = crannog_keyd_keys::OaepHash::default();
    let wrapped = crannog_keyd_keys::wrap_import(&spki, &material, hash, &mut rand::rng()).unwrap();
    let import = json!({ "ciphertext": BASE64.encode(&wrapped), "type": "aes256-gcm96" });
    assert_eq!(http.post("transit/keys/in/import", &import).status, 204);
    let mut flipped = wrapped.clone();
    flipped[540] ^= 1;
    let bad = json!({ "ciphertext": BASE64.encode(&flipped), "type": "aes256-gcm96" });
    assert_eq!(http.post("transit/keys/other/import", &bad).status, 400);
    assert!(
        http.post("transit/keys/in/rotate", &json!({}))
            .error()
            .contains("does not allow rotation")
    );
    assert_eq!(http.get("transit/keys/in").data()["imported_key"], true);
}
