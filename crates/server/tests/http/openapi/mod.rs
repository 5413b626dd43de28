//! The document that `crannogd openapi` prints: kept in `docs/spec`, well formed, and true of the running server.

mod conform;
mod pages;
mod shape;
mod structure;

use std::path::{Path, PathBuf};

use crannog_proto::api::{Principal, Session};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::TestServer;
use conform::{DOCUMENT, TEXT};

pub(crate) use conform::{check, check_message};

fn spec(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/spec")
        .join(page)
}

/// Path, method and operation of each route.
fn operations() -> Vec<(&'static str, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let below = |(path, operations): (&'static String, &'static Value)| {
        let all = operations.as_object().unwrap().iter();
        all.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    };
    paths.iter().flat_map(below).collect()
}

#[test]
fn the_kept_document_is_the_printed_one() {
    let path = spec("openapi.json");
    if std::env::var_os("CRANNOG_BLESS").is_some() {
        std::fs::write(&path, &*TEXT).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(TEXT.lines()).find(|(old, new)| old != new);
    assert!(
        kept == *TEXT,
        "run with CRANNOG_BLESS=1 if the routes were meant to change; first difference: {differs:?}"
    );
}

/// A session is asked for before anything else, and only a handler finds a body too large: no answer here could come from a fallback.
#[tokio::test]
async fn every_documented_route_is_there_and_others_are_not() {
    let server = TestServer::start().await;
    let call = async |method: &str, path: &str, body: Vec<u8>| {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let mut client = server.client().await;
        client.call(method, path, &[], body).await
    };
    for (template, method, operation) in operations() {
        let path = filled(template);
        let open = operation["security"].as_array().unwrap().is_empty();
        let most = operation["requestBody"]["x-max-bytes"].as_u64();
        let too_long = most
            .filter(|_| open)
            .map(|most| vec![0; usize::try_from(most).unwrap() + 1]);
        let (asked, body) = (too_long.is_some(), too_long.unwrap_or_default());
        let answer = call(method, &path, body).await;
        match (open, asked) {
            (false, _) => assert_eq!(answer.code(), "unauthorized", "{method} {path}"),
            (true, true) => assert_eq!(answer.code(), "too_large", "{method} {path}"),
            (true, false) => assert_eq!(answer.status.as_u16(), 200, "{method} {path}"),
        }
        assert_eq!(
            call(method, &format!("{path}/x/x"), vec![]).await.code(),
            "not_found"
        );
    }
    for (template, operations) in DOCUMENT["paths"].as_object().unwrap() {
        for other in ["get", "post", "put", "delete", "patch"] {
            if operations.get(other).is_none() {
                let answer = call(other, &filled(template), vec![]).await;
                assert_eq!(answer.code(), "bad_request", "{other} {template}");
            }
        }
    }
    server.stop().await;
}

/// With every header that is asked for somewhere, only who calls is left to be forbidden.
#[tokio::test]
async fn a_root_comes_as_far_as_documented() {
    let server = TestServer::start().await;
    let (alice, mut root) = server.person("alice").await;
    let challenge = root.challenge(&alice.name).await;
    let login = root
        .answer(&alice.name, Principal::Root, &alice.root, challenge)
        .await;
    root.session = Some(login.read::<Session>().token);
    let headers = [("crannog-read", &*"0".repeat(64)), ("crannog-write", "nonsense")];
    for (template, method, operation) in operations() {
        let roles = &operation["security"][0]["session"];
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let answer = root.call(verb, &filled(template), &headers, vec![]).await;
        let forbidden = answer.status == StatusCode::FORBIDDEN;
        assert_eq!(forbidden, *roles == json!(["device"]), "{method} {template}");
    }
    server.stop().await;
}

fn filled(template: &str) -> String {
    let fill = |part: &str| {
        if part.starts_with('{') {
            "0".repeat(64)
        } else {
            part.to_owned()
        }
    };
    template.split('/').map(fill).collect::<Vec<_>>().join("/")
}
