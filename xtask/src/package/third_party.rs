//! Whose crates a program is linked with, and their licences: the texts must come along.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::Which;
use crate::layout::root;
use crate::{Outcome, json, run};

const NAMES: &[&str] = &[
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];

/// The text of `third-party`.
pub fn notices(which: Which) -> Outcome<String> {
    let linked = linked(which)?;
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(root())
        .args(["metadata", "--locked", "--format-version", "1"]);
    let metadata = json::parse(&run::capture(&mut cargo)?)?;
    let mut list = String::new();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let crate_ = format!(
            "{} {}",
            json::text(package, "name")?,
            json::text(package, "version")?
        );
        // Ours have no source.
        if !linked.contains(&crate_) || package["source"].is_null() {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or("see its text below");
        writeln!(list, "{crate_}: {licence}")?;
        let manifest = json::text(package, "manifest_path")?;
        for text in licences(Path::new(&manifest).parent().unwrap_or(Path::new("/")))? {
            texts.entry(text).or_default().insert(crate_.clone());
        }
    }
    let mut lines: Vec<&str> = list.lines().collect();
    lines.sort_unstable();
    let mut page = format!(
        "{} is linked with these crates of other authors:\n\n{}\n",
        which.program(),
        lines.join("\n")
    );
    for (text, crates) in texts {
        let crates: Vec<String> = crates.into_iter().collect();
        write!(page, "\n---- {}\n\n{}\n", crates.join(", "), text.trim_end())?;
    }
    Ok(page)
}

/// `name version` of every crate that becomes part of the program.
fn linked(which: Which) -> Outcome<BTreeSet<String>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root()).args([
        "tree",
        "--locked",
        "-p",
        which.krate(),
        "-e",
        "normal,no-proc-macro",
    ]);
    let tree = run::capture(cargo.args(["--prefix", "none", "--no-dedupe", "-f", "{p}"]))?;
    let lines = tree.lines().map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        format!(
            "{name} {}",
            words.next().unwrap_or_default().trim_start_matches('v')
        )
    });
    Ok(lines.collect())
}

fn licences(folder: &Path) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_uppercase();
        if path.is_file() && NAMES.iter().any(|start| name.starts_with(start)) {
            found.push(String::from_utf8_lossy(&fs::read(&path)?).into_owned());
        }
    }
    Ok(found)
}
