//! The commands of crannog: words on the command line become requests to the agent, its answers become text or JSON.
//!
//! ```text
//!  args ─▶ commands/* ─▶ session (connect, unlock) ─▶ talk (events, bytes, Ctrl-C) ─▶ agent
//!                │ Shown
//!                ▼
//!             output (the only module that prints)
//! ```
#![forbid(unsafe_code)]

mod amount;
mod args;
mod ask;
mod commands;
mod decision;
mod human;
mod invite;
mod local_path;
mod news;
mod notices;
mod output;
mod password;
mod person;
mod places;
mod progress;
mod sanitise;
mod session;
mod shown;
mod stream;
mod table;
mod talk;
mod words;

use std::process::ExitCode;

use clap::CommandFactory;
use crannog_agent_api::{Failure, Start};

/// Runs the command that the process was started with. `serve` makes this process an agent.
pub fn run(serve: fn(Start) -> Result<(), Failure>) -> ExitCode {
    let arguments = match args::parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::usage(&error),
    };
    if let Some(how) = arguments.command.becomes_agent() {
        return output::served(&arguments.global, serve(how));
    }
    let print = output::Printer::new(&arguments.global);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::served(&arguments.global, Err(local_path::local("tokio", &error))),
    };
    let code = runtime.block_on(commands::run(arguments, print));
    // A thread that reads a terminal or a pipe ends with the process, not before.
    runtime.shutdown_background();
    code
}

/// The command line as `clap` sees it: for help pages and completions.
pub fn command_line() -> clap::Command {
    args::Arguments::command()
}
