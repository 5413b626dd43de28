//! The commands of `crannog-keyd`: words on the command line become requests to the key service, or work on files of this machine; what
//! comes of it becomes text or JSON.
//!
//! ```text
//!  args ─▶ commands/* ─▶ session (which socket) ─▶ keyd-client ─▶ key service
//!               │  └──▶ input, file (CRKDFIL1), target (written whole or not at all)
//!               ▼
//!            output (the only module that prints) ◀─ failure (code, object, hint, check)
//! ```
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod args;
mod ask;
mod commands;
mod failure;
mod fault;
mod file;
mod human;
mod input;
mod moment;
mod output;
mod progress;
mod sanitise;
mod secret_file;
mod session;
mod table;
mod target;

use std::process::ExitCode;

use clap::CommandFactory;

pub use failure::Code;

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let arguments = match args::parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::usage(&error),
    };
    let printer = output::Printer::new(&arguments.global);
    let outcome = commands::run(arguments, &printer);
    printer.finish(outcome)
}

/// The command line as `clap` sees it: for help pages and completions.
pub fn command_line() -> clap::Command {
    args::Arguments::command()
}
