//! Manual pages: written by the programs themselves, then given a date, a title and examples that look like examples.

use std::fs;
use std::process::Command;

use super::tree::Tree;
use super::{Stamp, Which};
use crate::layout::Binaries;
use crate::{Outcome, run};

/// One for each command.
pub fn pages(tree: &Tree, which: Which, binaries: &Binaries, stamp: &Stamp) -> Outcome {
    let raw = tree.path("").with_extension("man");
    fs::create_dir_all(&raw)?;
    run::quietly(Command::new(which.binary(binaries)).arg("man").arg(&raw))?;
    let mut date = Command::new("date");
    let date = run::capture(date.args(["-u", "+%Y-%m-%d", "-d", &format!("@{}", stamp.epoch)]))?;
    let upstream = stamp.version.split('-').next().unwrap_or_default();
    let section = which.section();
    let title = format!("{section} {} \"Crannog {upstream}\" Crannog", date.trim());
    let mut names: Vec<_> = fs::read_dir(&raw)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    names.sort();
    for name in names {
        let page = polish(&fs::read_to_string(raw.join(&name))?, &title);
        tree.packed(&format!("usr/share/man/man{section}/{name}.gz"), page)?;
    }
    Ok(())
}

/// The generator names the page's source after the last word of the command, puts the version into a section of its own, and
/// runs the lines of examples together.
fn polish(page: &str, title: &str) -> String {
    let mut lines = Vec::new();
    let mut from = page.lines().peekable();
    while let Some(line) = from.next() {
        if let Some(rest) = line.strip_prefix(".TH ") {
            let name = rest.split(' ').next().unwrap_or_default();
            lines.push(format!(".TH {name} {title}"));
        } else if line == ".SH VERSION" {
            while from.next_if(|next| !next.starts_with(".SH ")).is_some() {}
        } else if line == ".SH EXTRA" {
            let first = from.next_if(|next| next.starts_with("Example"));
            lines.push(
                if first.is_some() {
                    ".SH EXAMPLES"
                } else {
                    ".SH NOTES"
                }
                .to_owned(),
            );
            lines.push(".nf".to_owned());
            while let Some(next) = from.next_if(|next| !next.starts_with(".SH ")) {
                lines.push(next.strip_prefix("  ").unwrap_or(next).to_owned());
            }
            lines.push(".fi".to_owned());
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::polish;

    #[test]
    fn examples_keep_their_lines() {
        let page = ".TH a-b 8  \"b \" \n.SH NAME\na\n.SH EXTRA\nExamples:\n  a b\n  a b c\n.SH VERSION\nv1\n";
        let title = "8 2026-01-01 \"Crannog 1\" Crannog";
        let wanted =
            ".TH a-b 8 2026-01-01 \"Crannog 1\" Crannog\n.SH NAME\na\n.SH EXAMPLES\n.nf\na b\na b c\n.fi\n";
        assert_eq!(polish(page, title), wanted);
    }
}
