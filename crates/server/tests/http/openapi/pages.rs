//! The pages of the specification and the document say the same.

use std::collections::{BTreeMap, BTreeSet};

use super::conform::DOCUMENT;
use super::{operations, spec};

fn page(name: &str) -> String {
    std::fs::read_to_string(spec(name)).unwrap()
}

/// `GET /v1/journals/ID/entries?after=SEQ&limit=N` is `GET /v1/journals/{}/entries ?after&limit`.
fn row_name(request: &str) -> String {
    let (path, query) = request.split_once('?').unwrap_or((request, ""));
    let part = |part: &str| {
        let variable = part.bytes().all(|byte| byte.is_ascii_uppercase()) && !part.is_empty();
        if variable { "{}" } else { part }.to_owned()
    };
    let (method, path) = path.split_once(' ').unwrap();
    let parts: Vec<String> = path.split('/').map(part).collect();
    let names: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
        .collect();
    format!("{method} {} ?{}", parts.join("/"), names.join("&"))
}

/// What stands in the table of requests: request, and the rest of its row.
fn rows() -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for line in page("api.md").lines() {
        let Some((request, rest)) = line.strip_prefix("| `").and_then(|row| row.split_once('`')) else {
            continue;
        };
        if request.contains(" /") {
            assert!(
                rows.insert(row_name(request), rest.to_owned()).is_none(),
                "{request} twice"
            );
        }
    }
    rows
}

#[test]
fn the_table_of_requests_has_the_routes() {
    let rows = rows();
    let mut routes = BTreeSet::new();
    for (path, method, operation) in operations() {
        let path: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "X" } else { part })
            .collect();
        let params = operation["parameters"].as_array().unwrap().iter();
        let query: Vec<&str> = params
            .filter(|param| param["in"] == "query")
            .map(|param| param["name"].as_str().unwrap())
            .collect();
        let request = format!("{} {}?{}", method.to_uppercase(), path.join("/"), query.join("&"));
        let name = row_name(&request);
        let row = rows.get(&name).unwrap_or_else(|| panic!("no row for {name}"));
        for shape in shapes(operation) {
            assert!(row.contains(&shape), "{name} does not speak of {shape}");
        }
        routes.insert(name);
    }
    assert_eq!(rows.into_keys().collect::<BTreeSet<_>>(), routes);
}

/// What is sent and answered, as a row names it.
fn shapes(operation: &serde_json::Value) -> Vec<String> {
    let content = |of: &serde_json::Value| {
        let schema = &of["content"]["application/octet-stream"]["schema"];
        let name = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next());
        let raw = schema.is_object().then_some("*raw*");
        name.or(schema["x-borsh"].as_str()).or(raw).map(str::to_owned)
    };
    let responses = operation["responses"].as_object().unwrap();
    let silent = responses.contains_key("204").then(|| "→ 204".to_owned());
    let answers = responses.get("200").and_then(content);
    content(&operation["requestBody"])
        .into_iter()
        .chain(answers)
        .chain(silent)
        .collect()
}

#[test]
fn every_shape_is_that_of_the_pages() {
    let pages: String = ["encoding.md", "identity.md", "journal.md", "api.md"]
        .map(page)
        .concat();
    let words: Vec<&str> = pages.split_whitespace().collect();
    let pages = words.join(" ");
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        if let Some(borsh) = schema["x-borsh"].as_str() {
            assert!(
                pages.contains(&format!("{name} {borsh}")),
                "no page has {name} {borsh}"
            );
        }
    }
}

#[test]
fn the_table_of_errors_has_the_codes_with_their_statuses() {
    let mut documented = BTreeSet::new();
    for line in page("api.md").lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, code, status, ..] = cells.as_slice()
            && status.parse::<u16>().is_ok()
        {
            documented.insert((code.trim_matches('`').to_owned(), (*status).to_owned()));
        }
    }
    let codes = DOCUMENT["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
        .as_array()
        .unwrap();
    let names: BTreeSet<&str> = codes.iter().map(|code| code.as_str().unwrap()).collect();
    assert_eq!(names, documented.iter().map(|(code, _)| code.as_str()).collect());
    let mut used = BTreeSet::new();
    for (_, _, operation) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let schema = &response["content"]["application/json"]["schema"];
            let codes = schema["properties"]["code"]["enum"].as_array();
            used.extend(
                codes
                    .into_iter()
                    .flatten()
                    .map(|code| (code.as_str().unwrap().to_owned(), status.clone())),
            );
        }
    }
    let dead: Vec<_> = documented.difference(&used).collect();
    let wrong: Vec<_> = used.difference(&documented).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(
        dead,
        [&("stale_seen".to_owned(), "409".to_owned())],
        "codes that only stand in an AppendResult"
    );
}
