//! The checks that are no tests. Each has a name; `cargo xtask ci NAME...` runs some of them.

mod adr;
mod attacks;
mod book;
mod cargo;
mod checks;
mod deny;
mod edges;
mod labels;
mod scan;
mod server;

use std::time::Instant;

use crate::{Outcome, readme};

type Check = (&'static str, fn() -> Outcome, &'static str);

/// All checks, the quick ones first.
const CHECKS: &[Check] = &[
    (
        "edges",
        edges::check,
        "who may use whom (ARCHITECTURE.md), and which outside crates the inner crates may use",
    ),
    (
        "checks",
        checks::check,
        "docs/spec/checks.md, code and tests name the same CHK ids",
    ),
    (
        "attacks",
        attacks::check,
        "docs/security/attacks.md answers every attack, and agrees with checks.md",
    ),
    (
        "labels",
        labels::check,
        "domain-separation labels are unique, prefix-free, and stand in docs/spec",
    ),
    (
        "book",
        book::check,
        "docs/SUMMARY.md lists every page, and no link between pages is dead",
    ),
    (
        "adr",
        adr::check,
        "decisions are numbered without gaps and have their four parts",
    ),
    (
        "scan",
        scan::check,
        "nothing left to do, no silenced lints, no unexplained sleeps, no machine's paths",
    ),
    ("docs", readme::run, "commands in README.md are run by tests"),
    ("fmt", cargo::fmt, "cargo fmt"),
    (
        "server",
        server::check,
        "crannogd links no decryption code and no SQLCipher",
    ),
    (
        "clippy",
        cargo::clippy,
        "clippy with warnings denied, the server by itself",
    ),
    ("doc", cargo::doc, "rustdoc with warnings denied"),
    (
        "deny",
        deny::check,
        "cargo deny: licences, bans, sources, advisories",
    ),
];

/// `cargo xtask ci [CHECK...]`.
pub fn run(names: &[String]) -> Outcome {
    if names.iter().any(|name| name == "--list") {
        CHECKS
            .iter()
            .for_each(|(name, _, what)| println!("{name:8} {what}"));
        return Ok(());
    }
    if let Some(unknown) = names
        .iter()
        .find(|name| CHECKS.iter().all(|(known, ..)| known != name))
    {
        return Err(format!("no check {unknown:?}; `cargo xtask ci --list` names them").into());
    }
    some(|name| names.is_empty() || names.iter().any(|wanted| wanted == name))
}

/// All of them.
pub fn all() -> Outcome {
    some(|_| true)
}

fn some(wanted: impl Fn(&str) -> bool) -> Outcome {
    let mut failed = Vec::new();
    let mut lines = Vec::new();
    for (name, check, _) in CHECKS.iter().filter(|(name, ..)| wanted(name)) {
        let start = Instant::now();
        let outcome = check();
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        if let Err(error) = outcome {
            eprintln!("ci {name}: FAILED: {error}");
            failed.push(*name);
        }
        lines.push(format!(
            "ci {name:8} {verdict:7} {:6.1} s",
            start.elapsed().as_secs_f64()
        ));
    }
    println!();
    lines.iter().for_each(|line| println!("{line}"));
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("ci: {}", failed.join(", ")).into())
    }
}

/// Nothing to complain about, or all of it in one error.
fn verdict(complaints: Vec<String>) -> Outcome {
    if complaints.is_empty() {
        return Ok(());
    }
    let list: String = complaints
        .iter()
        .map(|complaint| format!("\n  {complaint}"))
        .collect();
    Err(format!("{} complaints{list}", complaints.len()).into())
}

/// The text of one of the repository's files.
fn read(path: &str) -> Outcome<String> {
    std::fs::read_to_string(crate::layout::root().join(path))
        .map_err(|error| format!("{path}: {error}").into())
}

/// Cells of the table rows of a Markdown page, without the header and the ruler.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.starts_with('|') || line.starts_with("|-") || line.starts_with("| -") {
            continue;
        }
        if lines
            .peek()
            .is_some_and(|next| next.starts_with("|-") || next.starts_with("| -"))
        {
            continue;
        }
        let inner = line.trim().trim_matches('|');
        rows.push(inner.split('|').map(|cell| cell.trim().to_owned()).collect());
    }
    rows
}

/// All ids of the form `CHK-nnn` or `chk_nnn` in a text.
fn ids(text: &str) -> Vec<u16> {
    let mut found = Vec::new();
    for start in ["CHK-", "chk_"] {
        for (at, _) in text.match_indices(start) {
            let digits: String = text
                .get(at + 4..)
                .unwrap_or_default()
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            if digits.len() == 3 {
                found.extend(digits.parse::<u16>());
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::{ids, rows};

    #[test]
    fn tables_and_ids_are_read() {
        let page = "| id | b |\n|---|---|\n| CHK-001 | x |\n| CHK-020 | y |\n";
        assert_eq!(rows(page), [["CHK-001", "x"], ["CHK-020", "y"]]);
        assert_eq!(ids("CHK-003 and chk_017_flip, CHK-3, CHK-003"), [3, 17]);
    }
}
