//! Does a device show what the model says?

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::actor::Actor;
use super::model::Model;
use crate::bin::Device;

/// Names, kinds, sizes and numbers of versions of everything below `top`; how many files that are.
#[track_caller]
pub(crate) fn same_tree(model: &Model, device: &Device, top: &str) -> usize {
    let told = device.ok(["tree", if top.is_empty() { "/" } else { top }]);
    let mut told: BTreeMap<String, (u64, u64)> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                format!("/{}", text(row, "path")),
                (number(row, "size"), number(row, "versions")),
            )
        })
        .collect();
    told.remove("/Recovered");
    let mut expected = BTreeMap::new();
    let mut files = 0;
    for (path, id) in model.live() {
        let facts = match model.versions(id) {
            None => (0, 0),
            Some(versions) => {
                files += 1;
                (versions.last().unwrap().content.len, versions.len() as u64)
            }
        };
        expected.insert(path, facts);
    }
    let lacking: Vec<_> = expected
        .iter()
        .filter(|(path, facts)| told.get(*path) != Some(facts))
        .take(10)
        .collect();
    let wrong: Vec<_> = told
        .iter()
        .filter(|(path, facts)| expected.get(*path) != Some(facts))
        .take(10)
        .collect();
    assert!(
        lacking.is_empty() && wrong.is_empty(),
        "day {}: {:?} must show (size, versions) {lacking:#?} and shows {wrong:#?}",
        model.day,
        device.home
    );
    files
}

/// The trash holds what it should, and nothing else.
#[track_caller]
pub(crate) fn same_trash(actor: &Actor, device: &Device) {
    let told = device.ok(["trash", "list"]);
    let mut told: Vec<String> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(row, "path"))
        .collect();
    let mut expected: Vec<String> = actor
        .model
        .in_trash()
        .iter()
        .map(|id| actor.model.path(*id))
        .collect();
    told.sort();
    expected.sort();
    let first = told.iter().zip(&expected).find(|(one, other)| one != other);
    assert_eq!(
        told.len(),
        expected.len(),
        "items in the trash; the first other one: {first:?}"
    );
    assert_eq!(first, None);
}

/// Gets everything and compares every byte.
#[track_caller]
pub(crate) fn same_contents(model: &Model, device: &Device, top: &str, to: &Path) -> u64 {
    let from = if top.is_empty() { "/" } else { top };
    device.ok(["get", "-r", from, to.to_str().unwrap()]);
    let mut bytes = 0;
    for (path, id) in model.live() {
        let local = to.join(path.trim_start_matches('/'));
        match model.versions(id) {
            None => assert!(local.is_dir(), "{path} is no folder"),
            Some(versions) => {
                let content = versions.last().unwrap().content;
                let found = fs::read(&local).unwrap_or_else(|error| panic!("{path}: {error}"));
                assert!(found == content.bytes(), "{path} has other bytes than were put");
                bytes += content.len;
            }
        }
    }
    fs::remove_dir_all(to).unwrap();
    bytes
}

fn text(row: &Value, key: &str) -> String {
    row[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {row}"))
        .to_owned()
}

fn number(row: &Value, key: &str) -> u64 {
    row[key].as_u64().unwrap_or_else(|| panic!("no {key} in {row}"))
}
