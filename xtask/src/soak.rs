//! Kills server and agent again and again under load. The test itself is `soak` in `crates/testkit/tests`.

use crate::layout::Profile;
use crate::{Outcome, build, run, setup, test};

/// `cargo xtask soak [--kills N]`.
pub fn run(arguments: &[String]) -> Outcome {
    const USAGE: &str = "usage: cargo xtask soak [--kills N]";
    let kills: u32 = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => 200,
        ["--kills", number] => number.parse().map_err(|_| USAGE)?,
        _ => return Err(USAGE.into()),
    };
    setup::run(setup::For::Tests)?;
    let binaries = build::run(Profile::Dev)?;
    let mut cargo = test::cargo(&binaries);
    cargo.env("CRANNOG_SOAK_KILLS", kills.to_string());
    cargo.args([
        "test",
        "--locked",
        "-p",
        "crannog-testkit",
        "--test",
        "soak",
        "--",
        "--nocapture",
    ]);
    run::run(&mut cargo)?;
    println!("soak: {kills} kills, every acknowledged write was there");
    Ok(())
}
