//! Rules of OpenAPI 3.1 that need no schema from elsewhere.

use std::collections::HashSet;

use serde_json::Value;

use super::conform::DOCUMENT;
use super::operations;
use super::shape::Shape;

/// Has all of these keys, and beside them only some of those.
fn keys(of: &Value, needs: &[&str], may: &[&str]) {
    let object = of.as_object().unwrap();
    for key in needs {
        assert!(object.contains_key(*key), "{key} is missing: {of}");
    }
    for key in object.keys().map(String::as_str) {
        assert!(
            key.starts_with("x-") || needs.contains(&key) || may.contains(&key),
            "{key} means nothing here: {of}"
        );
    }
}

fn media(content: &Value) {
    let all = content.as_object().unwrap();
    assert!(!all.is_empty());
    for (name, media) in all {
        assert!(name.contains('/'), "{name}");
        keys(media, &["schema"], &[]);
    }
}

#[test]
fn objects_have_the_fields_of_openapi() {
    keys(&DOCUMENT, &["openapi", "info", "paths", "components"], &[]);
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    keys(
        &DOCUMENT["info"],
        &["title", "version", "description", "license"],
        &[],
    );
    keys(&DOCUMENT["info"]["license"], &["name", "identifier"], &[]);
    keys(&DOCUMENT["components"], &["schemas", "securitySchemes"], &[]);
    for (path, method, operation) in operations() {
        assert!(path.starts_with('/') && !path.ends_with('/'), "{path}");
        assert!(["get", "put", "post", "delete"].contains(&method), "{method}");
        keys(
            operation,
            &[
                "operationId",
                "summary",
                "description",
                "tags",
                "security",
                "parameters",
                "responses",
            ],
            &["requestBody"],
        );
        if let Some(request) = operation.get("requestBody") {
            keys(request, &["content", "required", "description"], &[]);
            media(&request["content"]);
        }
        let responses = operation["responses"].as_object().unwrap();
        let good = |status: &&String| status.starts_with('2') || *status == "101";
        assert_eq!(responses.keys().filter(good).count(), 1, "{path}");
        for (status, response) in responses {
            assert!((100..600).contains(&status.parse::<u16>().unwrap()));
            keys(response, &["description"], &["content", "headers"]);
            response.get("content").into_iter().for_each(media);
        }
        for requirement in operation["security"].as_array().unwrap() {
            for scheme in requirement.as_object().unwrap().keys() {
                assert!(
                    DOCUMENT["components"]["securitySchemes"][scheme].is_object(),
                    "{scheme}"
                );
            }
        }
    }
}

#[test]
fn operations_have_names_of_their_own() {
    let mut ids = HashSet::new();
    for (_, _, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        assert!(
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{id}"
        );
        assert!(ids.insert(id), "{id} twice");
        assert!(operation["summary"].as_str().unwrap().ends_with('.'), "{id}");
    }
}

#[test]
fn parameters_are_those_of_their_path() {
    for (path, _, operation) in operations() {
        let mut seen = HashSet::new();
        for param in operation["parameters"].as_array().unwrap() {
            keys(param, &["in", "name", "schema", "required", "description"], &[]);
            let (place, name) = (param["in"].as_str().unwrap(), param["name"].as_str().unwrap());
            assert!(["path", "query", "header"].contains(&place), "{place}");
            assert!(place != "path" || param["required"] == true, "{path}: {name}");
            assert!(seen.insert((place, name)), "{path}: {name} twice");
        }
        let declared: HashSet<&str> = seen
            .into_iter()
            .filter(|(place, _)| *place == "path")
            .map(|(_, name)| name)
            .collect();
        let of_path = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(declared, of_path.collect(), "{path}");
    }
}

#[test]
fn references_and_shapes_lead_somewhere_and_nothing_is_left_over() {
    let mut used = HashSet::new();
    references(&DOCUMENT, &mut used);
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
        keys(
            schema,
            &["description"],
            &["contentMediaType", "type", "required", "properties"],
        );
    }
    let known: HashSet<String> = schemas.keys().cloned().collect();
    assert_eq!(used, known);
}

fn references(value: &Value, used: &mut HashSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(to) = fields.get("$ref").map(|to| to.as_str().unwrap()) {
                assert!(DOCUMENT.pointer(to.strip_prefix('#').unwrap()).is_some(), "{to}");
                used.extend(to.rsplit('/').next().map(str::to_owned));
            }
            if let Some(borsh) = fields.get("x-borsh").map(|borsh| borsh.as_str().unwrap()) {
                used.extend(Shape::parse(borsh).names().into_iter().map(str::to_owned));
            }
            fields.values().for_each(|value| references(value, used));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, used)),
        _ => {}
    }
}
