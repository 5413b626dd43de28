//! The list of attacks: nothing is left out, and it agrees with the table of checks.

use super::{checks, ids, read, rows, verdict};
use crate::{Outcome, readme};

const PAGE: &str = "docs/security/attacks.md";
const OUT_OF_SCOPE: &str = "docs/security/out-of-scope.md";
/// Where the list ends.
const LAST: u16 = 66;

/// Rows are complete and in order; each is answered by checks, by a test that names it, by the absence of what is attacked,
/// or later; where it refers to the page of what cannot be stopped, that page speaks of it.
pub fn check() -> Outcome {
    let (page, beyond, tests, table) = (
        read(PAGE)?,
        read(OUT_OF_SCOPE)?,
        readme::tests(),
        checks::table()?,
    );
    let mut complaints = Vec::new();
    let mut numbers = Vec::new();
    for row in rows(&page) {
        let [number, .., answer] = &row[..] else { continue };
        let Ok(number) = number.parse::<u16>() else {
            continue;
        };
        numbers.push(number);
        let answered = ids(answer);
        for id in &answered {
            if !table
                .iter()
                .any(|row| row.id == *id && row.attacks.contains(&number))
            {
                complaints.push(format!(
                    "{PAGE}: row {number} cites CHK-{id:03}, whose row does not cite it"
                ));
            }
        }
        for row in table
            .iter()
            .filter(|row| row.attacks.contains(&number) && !answered.contains(&row.id))
        {
            complaints.push(format!(
                "{PAGE}: row {number} does not cite CHK-{:03}, whose row cites it",
                row.id
            ));
        }
        let by_test = answer.contains("test:");
        if by_test && !tests.iter().any(|(_, text)| names(text, number)) {
            complaints.push(format!(
                "{PAGE}: no test says `attack {number}`, the row promises one"
            ));
        }
        let elsewhere = answer.starts_with("later: ") || answer.starts_with("absent: ");
        if answered.is_empty() && !by_test && !elsewhere {
            complaints.push(format!("{PAGE}: row {number} is answered by nothing"));
        }
        if row.iter().any(|cell| cell.contains("out-of-scope.md")) && !names(&beyond, number) {
            complaints.push(format!("{OUT_OF_SCOPE} does not speak of attack {number}"));
        }
    }
    let expected: Vec<u16> = (1..=LAST).collect();
    if numbers != expected {
        complaints.push(format!(
            "{PAGE}: the rows are not 1 to {LAST} in order: {numbers:?}"
        ));
    }
    verdict(complaints)
}

/// Does a text say `attack N`, `attacks N, M` (or `attack_N`, in a test's name)?
fn names(text: &str, number: u16) -> bool {
    let text = text.to_lowercase();
    ["attack ", "attack_", "attacks ", "attacks_"]
        .iter()
        .any(|start| {
            text.match_indices(start).any(|(at, _)| {
                let rest = text.get(at + start.len()..).unwrap_or_default();
                let list = rest
                    .split(|c: char| !c.is_ascii_digit() && !", _and".contains(c))
                    .next()
                    .unwrap_or_default();
                list.split(|c: char| !c.is_ascii_digit())
                    .any(|found| found.parse() == Ok(number))
            })
        })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn numbers_are_whole() {
        assert!(names("// Attack 13: canaries", 13) && names("fn attack_13_canary()", 13));
        assert!(names("attacks 12, 13 and 14", 13) && names("(attack 13)", 13));
        assert!(!names("attack 130", 13) && !names("attack 1", 13));
    }
}
