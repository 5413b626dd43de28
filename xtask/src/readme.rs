//! The commands that README.md shows are commands that tests run.

use std::fs;

use crate::{Outcome, layout};

const CHORES: &[&str] = &[
    "setup", "build", "demo", "test", "ci", "bench", "soak", "docs", "package",
];

/// `cargo xtask docs`.
pub fn run() -> Outcome {
    let readme = layout::root().join("README.md");
    let text = fs::read_to_string(&readme).map_err(|error| format!("{}: {error}", readme.display()))?;
    let tests = tests();
    // A test that reads the page runs all of it.
    let whole = tests.iter().any(|(_, content)| content.contains("README.md"));
    let commands = commands(&text);
    let unrun: Vec<String> = commands
        .iter()
        .filter(|command| !known(command, whole, &tests))
        .cloned()
        .collect();
    if unrun.is_empty() {
        println!(
            "docs: {} commands in README.md, each is run by a test",
            commands.len()
        );
        return Ok(());
    }
    Err(format!(
        "README.md shows commands that no test runs:\n  {}",
        unrun.join("\n  ")
    )
    .into())
}

/// The lines after `$ ` in the page's console blocks; a line that ends with a backslash goes on.
fn commands(text: &str) -> Vec<String> {
    let (mut inside, mut found, mut open) = (false, Vec::<String>::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = line.trim() == "```console";
            open = false;
        } else if inside && (open || line.starts_with("$ ")) {
            let part = line.strip_prefix("$ ").unwrap_or(line).trim();
            let goes_on = part.ends_with('\\');
            let part = part.trim_end_matches('\\').trim();
            match found.last_mut().filter(|_| open) {
                Some(last) => *last = format!("{last} {part}"),
                None => found.push(part.to_owned()),
            }
            open = goes_on;
        }
    }
    found
}

fn known(command: &str, whole: bool, tests: &[(String, String)]) -> bool {
    let command = command.split(" #").next().unwrap_or(command).trim();
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["cargo", "xtask", chore, ..] => CHORES.contains(&chore),
        ["git", "clone", ..] | ["cd", ..] => true,
        _ => whole || tests.iter().any(|(_, content)| content.contains(command)),
    }
}

/// Every file that belongs to a test: path and content.
pub fn tests() -> Vec<(String, String)> {
    let is_test = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        path.contains("/tests/") || name == "tests.rs" || name.ends_with("_tests.rs")
    };
    let paths = layout::files("crates")
        .into_iter()
        .map(|path| path.display().to_string());
    let read = |path: String| {
        fs::read_to_string(layout::root().join(&path))
            .ok()
            .map(|content| (path, content))
    };
    paths.filter(|path| is_test(path)).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn console_blocks_are_read() {
        let page = "text\n```console\n$ one two\nanswer\n$ three \\\n    four\n```\n```sh\n$ not this\n```\n";
        assert_eq!(commands(page), ["one two", "three four"]);
    }
}
