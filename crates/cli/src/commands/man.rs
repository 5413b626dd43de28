//! man: for those who make packages.

use std::path::PathBuf;

use clap::Args;
use crannog_agent_api::Failure;

use crate::local_path::local;
use crate::shown::Shown;

/// Write the manual pages of all commands into a folder
#[derive(Debug, Args)]
#[command(
    hide = true,
    after_help = "\
Examples:
  crannog man ./man1"
)]
pub(crate) struct Man {
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(self) -> Result<Shown, Failure> {
        // Pages need no password file of whoever makes them.
        let command = crate::command_line();
        clap_mangen::generate_to(command, &self.folder).map_err(|error| local(&self.folder, &error))?;
        Ok(Shown::default())
    }
}
