//! Simulated years on one small drive. The test itself is `years` in `crates/testkit/tests`.

use std::path::Path;

use crate::{Outcome, test};

const USAGE: &str = "usage: cargo xtask years [--days N] [--operations N] [--files N] [--retention DAYS] [--check DAYS] [--seed N] [--json FILE]";

/// An option, the variable by which the test knows it, and its default.
const OPTIONS: [(&str, &str, u64); 5] = [
    ("--days", "CRANNOG_YEARS_DAYS", 1095),
    ("--operations", "CRANNOG_YEARS_OPERATIONS", 10_000),
    ("--files", "CRANNOG_YEARS_FILES", 2_000),
    ("--retention", "CRANNOG_YEARS_RETENTION", 30),
    ("--check", "CRANNOG_YEARS_CHECK", 30),
];

/// `cargo xtask years`.
pub fn run(arguments: &[String]) -> Outcome {
    let mut numbers = OPTIONS.map(|(_, _, default)| default);
    let (mut seed, mut json) = (None, None);
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        let value = rest.next().ok_or(USAGE)?;
        match option.as_str() {
            "--json" => json = Some(std::path::absolute(Path::new(value))?),
            "--seed" => seed = Some(number(value)?),
            name => {
                let place = OPTIONS
                    .iter()
                    .position(|(known, ..)| *known == name)
                    .ok_or(USAGE)?;
                numbers[place] = number(value)?;
            }
        }
    }
    let mut variables: Vec<(&str, String)> = OPTIONS
        .into_iter()
        .zip(numbers)
        .map(|((_, variable, _), number)| (variable, number.to_string()))
        .collect();
    if let Some(seed) = seed {
        variables.push(("CRANNOG_SOAK_SEED", seed.to_string()));
    }
    if let Some(file) = json {
        variables.push(("CRANNOG_YEARS_JSON", file.display().to_string()));
    }
    test::long("years", &variables)
}

/// More than none.
fn number(text: &str) -> Outcome<u64> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(USAGE.into()),
    }
}
