//! The API as an OpenAPI 3.1 document, made from the table that makes the router.

pub(super) mod params;
mod shapes;

use std::collections::BTreeMap;

use crannog_proto::ErrorCode;
use serde_json::{Map, Value, json};

use super::route::{Answer, Bytes, Route, Session};
use super::router::routes;
use crate::error::message;
use shapes::SHAPES;

pub(super) use params::Param;

const BINARY: &str = "application/octet-stream";
const ABOUT: &str = "What a Crannog server answers to clients. docs/spec/api.md has the rules that no schema can say. \
    TLS 1.3 with X25519MLKEM768 only, the server's CA pinned by its fingerprint; HTTP/1.1. Bodies are Borsh but for raw ones: \
    `x-borsh` is a structure's shape, `[N]` being N bytes. Errors are JSON with a stable code.";

/// Every route.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for route in routes() {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(operations) = operations {
            operations.insert(route.method.to_owned(), operation(&route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Crannog",
            "version": "1",
            "description": ABOUT,
            "license": { "name": "MIT or Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "x-limits": params::limits(),
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": { "session": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "64 hex digits",
                "description": "The token of `Session`; role `device`: not that of a root.",
            } },
        },
    })
}

fn operation(route: &Route) -> Value {
    let params: Vec<Value> = route.params.iter().map(Param::json).collect();
    let security = match route.session {
        Session::None => json!([]),
        Session::Any => json!([{ "session": [] }]),
        Session::Device => json!([{ "session": ["device"] }]),
    };
    let who = match route.session {
        Session::None => "Without a session.",
        Session::Any => "For a device's or a root's session.",
        Session::Device => "For a device's session.",
    };
    let mut operation = json!({
        "operationId": route.id,
        "tags": [route.path.split('/').nth(2)],
        "summary": route.summary,
        "description": who,
        "security": security,
        "parameters": params,
        "responses": responses(route),
    });
    if let Some(request) = route.request {
        operation["requestBody"] = json!({
            "required": true,
            "description": format!("At most {} bytes.", request.most),
            "x-max-bytes": request.most,
            "content": { BINARY: { "schema": schema(request.bytes) } },
        });
    }
    if let Answer::Socket { client, server } = route.answer {
        operation["x-websocket"] =
            json!({ "client": schema(Bytes::Borsh(client)), "server": schema(Bytes::Borsh(server)) });
    }
    operation
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    let (status, done) = match route.answer {
        Answer::Bytes(bytes) => (
            "200",
            json!({ "description": "Done.", "content": { BINARY: { "schema": schema(bytes) } } }),
        ),
        Answer::Nothing => ("204", json!({ "description": "Done." })),
        Answer::Socket { .. } => (
            "101",
            json!({ "description": "The WebSocket of `x-websocket` begins." }),
        ),
    };
    responses.insert(status.to_owned(), done);
    let mut refusals: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    let codes = refusals_of(route);
    for code in ErrorCode::ALL.iter().filter(|code| codes.contains(code)) {
        refusals.entry(code.status()).or_default().push(*code);
    }
    for (status, codes) in refusals {
        responses.insert(status.to_string(), refusal(&codes));
    }
    responses.into()
}

/// Its own codes, and those that its parts bring with them.
fn refusals_of(route: &Route) -> Vec<ErrorCode> {
    let mut codes = vec![ErrorCode::Internal, ErrorCode::Unavailable];
    if route.session != Session::None {
        codes.extend([
            ErrorCode::Unauthorized,
            ErrorCode::Suspended,
            ErrorCode::TooManyRequests,
        ]);
    }
    if route.session == Session::Device {
        codes.push(ErrorCode::Forbidden);
    }
    if route.request.is_some() {
        codes.extend([ErrorCode::BadRequest, ErrorCode::TooLarge]);
    }
    codes.extend(route.params.iter().flat_map(|param| param.refusals));
    codes.extend(route.refusals);
    codes
}

fn refusal(codes: &[ErrorCode]) -> Value {
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let about: Vec<String> = codes
        .iter()
        .map(|code| format!("`{code}`: {}.", message(*code)))
        .collect();
    let mut refusal = json!({
        "description": about.join(" "),
        "content": { "application/json": { "schema": {
            "$ref": "#/components/schemas/Error",
            "properties": { "code": { "enum": words } },
        } } },
    });
    if codes.contains(&ErrorCode::TooManyRequests) {
        refusal["headers"] = json!({ "retry-after": {
            "required": true,
            "schema": { "type": "integer", "minimum": 0 },
            "description": "Whole seconds.",
        } });
    }
    refusal
}

/// A named shape is referred to; any other stands where it is used.
fn schema(bytes: Bytes) -> Value {
    match bytes {
        Bytes::Borsh(name) if SHAPES.iter().any(|shape| shape.name == name) => {
            json!({ "$ref": format!("#/components/schemas/{name}") })
        }
        Bytes::Borsh(shape) => json!({ "contentMediaType": BINARY, "x-borsh": shape }),
        Bytes::Raw(about) => json!({ "contentMediaType": BINARY, "description": about }),
    }
}

fn schemas() -> Value {
    let named = SHAPES.iter().map(|shape| {
        let schema = json!({
            "contentMediaType": BINARY,
            "description": shape.about,
            "x-borsh": shape.borsh,
        });
        (shape.name.to_owned(), schema)
    });
    let words: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let error = json!({
        "type": "object",
        "description": "A refusal. The code is stable, the message is for people.",
        "required": ["code", "message"],
        "properties": { "code": { "type": "string", "enum": words }, "message": { "type": "string" } },
    });
    let mut schemas: Map<String, Value> = named.collect();
    schemas.insert("Error".to_owned(), error);
    schemas.into()
}
