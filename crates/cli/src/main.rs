//! The binary: joins the commands with the agent, which is this same program started in another way.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    crannog_cli::run(crannog_agent::run)
}
