//! The book: every page is listed, every link between pages leads somewhere.

use std::path::{Path, PathBuf};

use super::{read, verdict};
use crate::{Outcome, layout};

const SUMMARY: &str = "docs/SUMMARY.md";

/// `docs/SUMMARY.md` and the pages agree; links in all pages, and in those at the top, resolve.
pub fn check() -> Outcome {
    let root = layout::root();
    let mut complaints = Vec::new();
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let pages: Vec<PathBuf> = layout::files("docs").into_iter().filter(is_page).collect();

    let listed: Vec<PathBuf> = links(&read(SUMMARY)?)
        .iter()
        .map(|link| Path::new("docs").join(link))
        .collect();
    for (i, page) in listed.iter().enumerate() {
        if listed.iter().take(i).any(|earlier| earlier == page) {
            complaints.push(format!("{SUMMARY} lists {} twice", page.display()));
        }
    }
    for page in pages
        .iter()
        .filter(|page| **page != Path::new(SUMMARY) && !listed.contains(page))
    {
        complaints.push(format!("{SUMMARY} does not list {}", page.display()));
    }
    let top = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ];
    for page in pages.into_iter().chain(top.iter().map(PathBuf::from)) {
        let Ok(text) = std::fs::read_to_string(root.join(&page)) else {
            complaints.push(format!("{} is missing", page.display()));
            continue;
        };
        let folder = page.parent().unwrap_or(Path::new(""));
        for link in links(&text)
            .into_iter()
            .filter(|link| !root.join(folder).join(link).exists())
        {
            complaints.push(format!("{}: the link to {link} leads nowhere", page.display()));
        }
    }
    verdict(complaints)
}

/// Targets of `[text](target)` that are files: no addresses, no anchors, nothing in code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        // Pieces outside of `code`.
        for piece in line.split('`').step_by(2) {
            for (at, _) in piece.match_indices("](") {
                let target = piece
                    .get(at + 2..)
                    .and_then(|rest| rest.split(')').next())
                    .unwrap_or_default();
                let file = target.split('#').next().unwrap_or_default();
                if !file.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                    found.push(file.to_owned());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn only_files_are_links() {
        let page =
            "[a](a.md) and [b](sub/b.md#part) [c](https://c) [d](#d) `[e](e.md)`\n```\n[f](f.md)\n```\n";
        assert_eq!(links(page), ["a.md", "sub/b.md"]);
    }
}
