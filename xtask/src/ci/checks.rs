//! The table of checks, the code and the tests name the same ids.

use std::collections::BTreeMap;
use std::fs;

use super::{ids, read, rows, verdict};
use crate::{Outcome, layout, readme};

/// The page with the table.
pub const PAGE: &str = "docs/spec/checks.md";
/// Where the ids become values.
const VALUES: &str = "crates/core/src/check.rs";

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// Its number.
    pub id: u16,
    /// The attacks that it answers.
    pub attacks: Vec<u16>,
}

/// The table.
pub fn table() -> Outcome<Vec<Row>> {
    let mut table = Vec::new();
    for row in rows(&read(PAGE)?) {
        if let [id, .., attacks] = &row[..]
            && let [id] = ids(id)[..]
        {
            let attacks = attacks
                .split(',')
                .filter_map(|number| number.trim().parse().ok())
                .collect();
            table.push(Row { id, attacks });
        }
    }
    Ok(table)
}

/// Every row has its id in code and in a test; no id stands anywhere without a row.
pub fn check() -> Outcome {
    let table = table()?;
    let mut complaints = Vec::new();
    if table.is_empty() {
        complaints.push(format!("{PAGE} has no rows"));
    }
    for (row, expected) in table.iter().zip(1..) {
        if row.id != expected {
            complaints.push(format!(
                "{PAGE}: CHK-{:03} stands where CHK-{expected:03} should",
                row.id
            ));
        }
    }
    let names = names()?;
    let tests = readme::tests();
    let code = code(&tests)?;
    for row in &table {
        let id = row.id;
        let Some(name) = names.get(&id) else {
            complaints.push(format!("CHK-{id:03} is not in {VALUES}"));
            continue;
        };
        if !code
            .iter()
            .any(|(path, text)| path != VALUES && mentions(text, id, name))
        {
            complaints.push(format!(
                "CHK-{id:03} (Check::{name}) is made nowhere in crates/*/src"
            ));
        }
        if !tests.iter().any(|(_, text)| mentions(text, id, name)) {
            complaints.push(format!("CHK-{id:03} (Check::{name}) is in no test"));
        }
    }
    let whole = |row: &&Row| {
        let name = names.get(&row.id).map_or("", String::as_str);
        tests
            .iter()
            .any(|(path, text)| path.starts_with("crates/testkit/") && mentions(text, row.id, name))
    };
    let unit: Vec<String> = table
        .iter()
        .filter(|row| !whole(row))
        .map(|row| format!("{:03}", row.id))
        .collect();
    if !unit.is_empty() {
        eprintln!(
            "ci checks: attacked in unit tests only, not by a whole server: CHK {}",
            unit.join(" ")
        );
    }
    for (path, text) in code.iter().chain(&tests) {
        for id in ids(text)
            .into_iter()
            .filter(|id| table.iter().all(|row| row.id != *id))
        {
            complaints.push(format!("{path} names CHK-{id:03}, which is not in {PAGE}"));
        }
    }
    eprintln!(
        "ci checks: {} rows, {} files of code, {} of tests",
        table.len(),
        code.len(),
        tests.len()
    );
    verdict(complaints)
}

fn mentions(text: &str, id: u16, name: &str) -> bool {
    let variant = format!("Check::{name}");
    let whole = |(at, _): (usize, &str)| {
        let next = text
            .get(at + variant.len()..)
            .and_then(|rest| rest.chars().next());
        !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
    };
    text.match_indices(&variant).any(whole) || ids(text).contains(&id)
}

/// The variants' names: a line `/// CHK-nnn` and below it `Name = n, "text";`.
fn names() -> Outcome<BTreeMap<u16, String>> {
    let text = read(VALUES)?;
    let mut names = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, rest)) = line.trim().split_once(" = ")
            && let Some((number, _)) = rest.split_once(',')
            && let Ok(number) = number.parse::<u16>()
        {
            names.insert(number, name.to_owned());
        }
    }
    Ok(names)
}

/// All code that is no test.
fn code(tests: &[(String, String)]) -> Outcome<Vec<(String, String)>> {
    let mut code = Vec::new();
    for path in layout::files("crates") {
        let shown = path.display().to_string();
        if shown.contains("/src/") && shown.ends_with(".rs") && tests.iter().all(|(test, _)| *test != shown) {
            code.push((shown, fs::read_to_string(layout::root().join(&path))?));
        }
    }
    Ok(code)
}
