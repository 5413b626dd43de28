//! The document that `crannogd openapi` prints: kept in `docs/spec`, well formed, and true of the running server.

mod conform;
mod pages;
mod shape;
mod structure;

use std::path::{Path, PathBuf};

use http::Method;
use serde_json::Value;

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
        let body = if open && operation.get("requestBody").is_some() {
            vec![0; 3 << 20]
        } else {
            vec![]
        };
        let asked = !body.is_empty();
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
