//! man: for those who make packages, and for reading.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::output::Printer;

/// Print the manual page, or write the pages of all commands into a folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd man | man -l -
  crannog-keyd man ./man1")]
pub(crate) struct Man {
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, printer: &Printer) -> Result<(), Failure> {
        let command = crate::command_line();
        match self.folder {
            Some(folder) => {
                clap_mangen::generate_to(command, &folder).map_err(|error| Failure::io(&folder, &error))
            }
            None => {
                let mut page = Vec::new();
                printer.judged(clap_mangen::Man::new(command).render(&mut page))?;
                printer.bytes(&page)
            }
        }
    }
}
