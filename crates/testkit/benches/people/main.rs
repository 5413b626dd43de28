//! What people wait for when they share: lines `people NAME VALUE UNIT`. `cargo xtask bench people` builds the release server, runs
//! this on a fresh disk and prints a table.
//!
//! Words choose parts (`visible`, `rekey`, `writers`, `bell`; none: all), `--quick` does a few rounds of each, to see that it works. Clients
//! and server share this machine, so every figure holds the work of both; the server syncs as it always does.

// The futures of real engines lie deep in each other.
#![recursion_limit = "256"]

mod bell;
mod drive;
mod figures;
mod listener;
mod person;
mod rekey;
mod visible;
mod writers;

use crannog_testkit::{Site, SiteOptions};
use tokio::runtime::Builder;

const PARTS: [&str; 4] = ["visible", "rekey", "writers", "bell"];

/// A server that logs what it logs by default, with these lines in `[limits]`.
fn site(limits: &str) -> Site {
    Site::start_with(SiteOptions {
        env: vec![("CRANNOGD_LOG".into(), "info".into())],
        limits: limits.to_owned(),
        ..SiteOptions::default()
    })
}

fn main() {
    // `cargo bench` adds a word of its own.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let quick = words.iter().any(|word| word == "--quick");
    let parts: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--quick")
        .collect();
    assert!(
        parts.iter().all(|part| PARTS.contains(part)),
        "parts are {PARTS:?}"
    );
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    for part in PARTS {
        if !parts.is_empty() && !parts.contains(&part) {
            continue;
        }
        eprintln!("== people: {part}");
        match part {
            "visible" => runtime.block_on(visible::measure(quick)),
            "rekey" => runtime.block_on(rekey::measure(quick)),
            "writers" => runtime.block_on(writers::measure(quick)),
            _ => runtime.block_on(bell::measure(quick)),
        }
    }
}
