//! Things that a reader of the code should never meet.

use std::fs;

use super::verdict;
use crate::{Outcome, layout};

/// A file of code longer than this probably holds two ideas: said, not refused.
const LONG: usize = 400;

struct Pattern {
    /// In two pieces, so that this file does not match itself.
    text: [&'static str; 2],
    code_only: bool,
    why: &'static str,
}

const PATTERNS: &[Pattern] = &[
    Pattern {
        text: ["#[al", "low("],
        code_only: true,
        why: "use #[expect(lint, reason = \"...\")]",
    },
    Pattern {
        text: ["#![al", "low("],
        code_only: true,
        why: "use #![expect(lint, reason = \"...\")]",
    },
    Pattern {
        text: ["TO", "DO"],
        code_only: false,
        why: "do it, or file it",
    },
    Pattern {
        text: ["FIX", "ME"],
        code_only: false,
        why: "do it, or file it",
    },
    Pattern {
        text: ["todo", "!("],
        code_only: true,
        why: "do it",
    },
    Pattern {
        text: ["unimple", "mented!("],
        code_only: true,
        why: "do it",
    },
];

/// Looks through code, documents and scripts.
pub fn check() -> Outcome {
    let mut complaints = Vec::new();
    // This clone, and this user's hidden folders.
    let home = std::env::var("HOME").unwrap_or_default();
    let machine = [layout::root().display().to_string(), format!("{home}/.")];
    let folders = ["crates", "xtask", "fuzz", "docs", ".ci", ".cargo", "vectors"];
    let mut paths: Vec<_> = folders.iter().flat_map(|folder| layout::files(folder)).collect();
    let top = fs::read_dir(layout::root())?
        .flatten()
        .filter(|entry| entry.path().is_file());
    paths.extend(top.map(|entry| entry.file_name().into()));
    for path in paths {
        let Ok(text) = fs::read_to_string(layout::root().join(&path)) else {
            continue;
        };
        let (shown, code) = (
            path.display().to_string(),
            path.extension().is_some_and(|end| end == "rs"),
        );
        if code && text.lines().count() > LONG {
            eprintln!(
                "ci scan: {shown} has {} lines: does it hold two ideas?",
                text.lines().count()
            );
        }
        let mut above = "";
        for (line, number) in text.lines().zip(1..) {
            for pattern in PATTERNS.iter().filter(|pattern| code || !pattern.code_only) {
                if line.contains(&pattern.text.concat()) {
                    complaints.push(format!(
                        "{shown}:{number}: {}: {}",
                        pattern.text.concat(),
                        pattern.why
                    ));
                }
            }
            if machine.iter().any(|path| path.len() > 2 && line.contains(path)) {
                complaints.push(format!("{shown}:{number}: a path of this machine"));
            }
            if code && shown.starts_with("crates/") && sleeps(line) && !explained(line) && !explained(above) {
                complaints.push(format!(
                    "{shown}:{number}: sleeps without a comment `// sleep: why`"
                ));
            }
            above = line;
        }
    }
    verdict(complaints)
}

fn sleeps(line: &str) -> bool {
    line.split("//")
        .next()
        .unwrap_or_default()
        .contains(concat!("sle", "ep("))
}

fn explained(line: &str) -> bool {
    line.split_once("//")
        .is_some_and(|(_, comment)| comment.trim_start().starts_with("sleep: "))
}

#[cfg(test)]
mod tests {
    use super::{explained, sleeps};

    #[test]
    fn a_sleep_needs_its_reason() {
        assert!(sleeps("tokio::time::sleep(PAUSE).await;") && !sleeps("// sleep(1)"));
        assert!(explained("    // sleep: backoff after a refused connection") && !explained("// sleeps"));
    }
}
