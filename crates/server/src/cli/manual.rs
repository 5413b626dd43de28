//! Manual pages and completions, made from the command line itself, and the API, made from its routes.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::args::Cli;
use super::{Failure, print};

pub(super) fn completions(shell: Shell) -> Result<bool, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "crannogd", &mut script);
    print(&script).map(|()| true)
}

/// Every route of the API.
pub(super) fn openapi() -> Result<bool, Failure> {
    print(&format!("{:#}\n", crate::http::document())).map(|()| true)
}

/// A page of section 8 for each command.
pub(super) fn pages(folder: &Path) -> Result<bool, Failure> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    page(&command, folder).map(|()| true).map_err(|error| {
        Failure::new(
            format!("the pages cannot be written to {}: {error}", folder.display()),
            "name a folder that is there and writable",
        )
    })
}

fn page(command: &Command, folder: &Path) -> io::Result<()> {
    clap_mangen::Man::new(command.clone())
        .section("8")
        .generate_to(folder)?;
    command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
        .try_for_each(|below| page(below, folder))
}
