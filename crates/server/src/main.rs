//! `crannogd`: see [`crannog_server::cli`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    crannog_server::cli::run()
}
