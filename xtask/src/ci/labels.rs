//! Domain-separation labels: one name for one purpose, in code and in the specification.

use super::{read, verdict};
use crate::Outcome;

const PROTO: &str = "crates/proto/src/labels.rs";
const SEAL: &str = "crates/seal/src/labels.rs";
const PAGES: &[&str] = &[
    "sealing",
    "encoding",
    "journal",
    "membership",
    "inbox",
    "identity",
    "drive",
    "api",
    "keyd",
];

/// Unique and prefix-free over both files; each in the specification, and none there that the code does not know.
pub fn check() -> Outcome {
    let mut spec = String::new();
    for page in PAGES {
        spec.push_str(&read(&format!("docs/spec/{page}.md"))?);
    }
    let spec: String = spec.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut complaints = Vec::new();

    let proto = constants(&read(PROTO)?, "");
    let seal = constants(&read(SEAL)?, "crannog/1 ");
    let all: Vec<&String> = proto.iter().chain(&seal).collect();
    for (i, one) in all.iter().enumerate() {
        if !one.starts_with("crannog/1 ") || !one.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            complaints.push(format!(
                "label {one:?} is not ASCII, or does not begin with `crannog/1 `"
            ));
        }
        for (j, other) in all.iter().enumerate() {
            if i != j && other.starts_with(one.as_str()) {
                complaints.push(format!("label {one:?} begins label {other:?}"));
            }
        }
        let purpose = one.trim_start_matches("crannog/1 ");
        if !spec.contains(one.as_str()) && !spec.contains(&format!("`{purpose}`")) {
            complaints.push(format!("label {one:?} is not in docs/spec"));
        }
    }
    for (at, _) in spec.match_indices("\"crannog/1 ") {
        let found = spec
            .get(at + 1..)
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default();
        let found = found.split(" || ").next().unwrap_or_default();
        if !all.iter().any(|label| *label == found) {
            complaints.push(format!(
                "docs/spec names the label {found:?}, which the code does not have"
            ));
        }
    }
    if all.len() < 10 {
        complaints.push("the label files could not be read".to_owned());
    }
    verdict(complaints)
}

/// The string literals that are given to constants: `... = "text";`.
fn constants(text: &str, start: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let literal = |line: &str| {
        let (_, rest) = line.split_once(" = \"")?;
        rest.strip_suffix("\";").map(|label| format!("{start}{label}"))
    };
    code.lines().filter_map(|line| literal(line.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::constants;

    #[test]
    fn literals_are_found() {
        let text = "pub const A: &str = \"crannog/1 a.\";\n  B = \"seal b\";\n#[cfg(test)]\nlet x = \"no\";";
        assert_eq!(constants(text, ""), ["crannog/1 a.", "seal b"]);
    }
}
