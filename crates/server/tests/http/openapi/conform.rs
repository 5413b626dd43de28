//! Every request and answer of these tests is held against the document: its route, status, code, content type and shape.

use std::process::Command;
use std::sync::LazyLock;

use http::{Method, header};
use serde_json::Value;

use super::shape::Shape;
use crate::client::Answer;

/// As the program prints it.
pub(super) static TEXT: LazyLock<String> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO_BIN_EXE_crannogd"))
        .arg("openapi")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
});

pub(super) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&TEXT).unwrap());

/// Panics where the document says something else.
pub(crate) fn check(method: &Method, path: &str, sent: &[u8], answer: &Answer) {
    let Some(operation) = operation(method, path) else {
        let code = answer.code();
        assert!(
            code == "not_found" || code == "bad_request",
            "{method} {path}: {code}"
        );
        return;
    };
    let id = &operation["operationId"];
    let status = answer.status.as_u16();
    let response = &operation["responses"][status.to_string()];
    assert!(
        response.is_object(),
        "{id} may not answer {status}: {:?}",
        answer.body
    );
    let media = answer
        .headers
        .get(header::CONTENT_TYPE)
        .map(|media| media.to_str().unwrap());
    if status >= 400 {
        assert_eq!(media, Some("application/json"), "{id}");
        let schema = &response["content"]["application/json"]["schema"];
        let codes = schema["properties"]["code"]["enum"].as_array().unwrap();
        let code = answer.code();
        assert!(
            codes.iter().any(|one| *one == code),
            "{id} may not refuse with {code}"
        );
        return;
    }
    match &response["content"] {
        Value::Null => assert!(media.is_none() && answer.body.is_empty(), "{id} says nothing"),
        content => walk(&content[media.unwrap()]["schema"], &answer.body, id),
    }
    match &operation["requestBody"] {
        Value::Null => assert!(sent.is_empty(), "{id} takes nothing"),
        request => walk(
            &request["content"]["application/octet-stream"]["schema"],
            sent,
            id,
        ),
    }
}

/// A message of the bell, by `client` or `server`.
pub(crate) fn check_message(side: &str, bytes: &[u8]) {
    let bell = &DOCUMENT["paths"]["/v1/bell"]["get"];
    walk(&bell["x-websocket"][side], bytes, &bell["operationId"]);
}

fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let fits = |template: &str| {
        let (ours, theirs) = (template.split('/'), path.split('/'));
        ours.clone().count() == theirs.clone().count()
            && ours
                .zip(theirs)
                .all(|(our, their)| our.starts_with('{') || our == their)
    };
    let (_, operations) = DOCUMENT["paths"]
        .as_object()?
        .iter()
        .find(|(template, _)| fits(template))?;
    operations.get(method.as_str().to_lowercase())
}

fn walk(schema: &Value, bytes: &[u8], id: &Value) {
    let schemas = &DOCUMENT["components"]["schemas"];
    let named = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    let schema = named.map_or(schema, |name| &schemas[name]);
    assert_eq!(schema["contentMediaType"], "application/octet-stream", "{id}");
    if let Some(borsh) = schema["x-borsh"].as_str() {
        let rest = Shape::parse(borsh).walk(schemas, bytes);
        assert_eq!(rest, Some([].as_slice()), "{id}: these bytes are no {borsh}");
    }
}
