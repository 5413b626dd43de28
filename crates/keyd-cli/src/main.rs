//! `crannog-keyd` (docs/spec/keyd.md, *Command line*).
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    crannog_keyd_cli::run()
}
