//! Simulated years on one small drive. The test itself is `years` in `crates/testkit/tests`.

use std::path::Path;

use crate::layout::Profile;
use crate::setup::{self, For};
use crate::{Outcome, build, layout, run, test};

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
    setup::run(For::Tests)?;
    let binaries = build::run(Profile::Dev)?;
    let mut cargo = test::cargo(&binaries);
    cargo.env("CRANNOG_SOAK_KEEP", layout::kept());
    for ((_, variable, _), number) in OPTIONS.into_iter().zip(numbers) {
        cargo.env(variable, number.to_string());
    }
    if let Some(seed) = seed {
        cargo.env("CRANNOG_SOAK_SEED", seed.to_string());
    }
    if let Some(file) = json {
        cargo.env("CRANNOG_YEARS_JSON", file);
    }
    run::run(cargo.args([
        "test",
        "--locked",
        "-p",
        "crannog-testkit",
        "--test",
        "years",
        "--",
        "--nocapture",
    ]))
}

/// More than none.
fn number(text: &str) -> Outcome<u64> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(USAGE.into()),
    }
}
