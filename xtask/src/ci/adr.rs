//! Decisions: numbered from 0001 without gaps, each with context, decision, alternatives and consequence.

use super::verdict;
use crate::{Outcome, layout};

const PARTS: &[&str] = &["**Context.", "**Decision.", "**Alternatives.", "**Consequence"];

/// File names, titles and parts.
pub fn check() -> Outcome {
    let mut complaints = Vec::new();
    for (path, expected) in layout::files("docs/adr").iter().zip(1_u32..) {
        let shown = path.display();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let number = format!("{expected:04}");
        if !name.starts_with(&format!("{number}-")) {
            complaints.push(format!("{shown} should have the number {number}"));
        }
        let text = std::fs::read_to_string(layout::root().join(path))?;
        if !text.starts_with(&format!("# {number}: ")) {
            complaints.push(format!("{shown} does not begin with `# {number}: `"));
        }
        for part in PARTS.iter().filter(|part| !text.contains(**part)) {
            complaints.push(format!("{shown} has no part `{part}`"));
        }
    }
    verdict(complaints)
}
