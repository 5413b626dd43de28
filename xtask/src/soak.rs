//! Kills server and agent again and again under load, or simulates hours and looks for what grows. The tests themselves are `soak` and
//! `day` in `crates/testkit/tests`.

use crate::{Outcome, test};

const USAGE: &str = "usage: cargo xtask soak [--kills N | --hours N [--operations N] [--seed N]]";

/// Operations of each person in each simulated hour.
const OPERATIONS: u64 = 300;

/// `cargo xtask soak [--kills N | --hours N [--operations N] [--seed N]]`.
pub fn run(arguments: &[String]) -> Outcome {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => kills(200),
        ["--kills", number] => kills(parse(number)?),
        ["--hours", number, ref rest @ ..] => hours(parse(number)?, rest),
        _ => Err(USAGE.into()),
    }
}

fn kills(kills: u64) -> Outcome {
    test::long("soak", &[("CRANNOG_SOAK_KILLS", kills.to_string())])?;
    println!("soak: {kills} kills, every acknowledged write was there");
    Ok(())
}

fn hours(hours: u64, rest: &[&str]) -> Outcome {
    let mut variables = vec![
        ("CRANNOG_DAY_HOURS", hours.to_string()),
        ("CRANNOG_DAY_FILES", OPERATIONS.to_string()),
    ];
    let mut operations = OPERATIONS;
    for pair in rest.chunks(2) {
        match pair {
            ["--operations", number] => operations = parse(number)?,
            ["--seed", number] => variables.push(("CRANNOG_SOAK_SEED", parse(number)?.to_string())),
            _ => return Err(USAGE.into()),
        }
    }
    variables.push(("CRANNOG_DAY_OPERATIONS", operations.to_string()));
    test::long("day", &variables)?;
    println!("soak: {hours} simulated hours, nothing grew without end");
    Ok(())
}

fn parse(text: &str) -> Outcome<u64> {
    text.parse().map_err(|_| USAGE.into())
}
