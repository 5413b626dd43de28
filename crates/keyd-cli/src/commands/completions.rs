//! completions.

use clap::Args;
use clap_complete::Shell;

use crate::failure::Failure;
use crate::output::Printer;

/// Print a script that completes commands in a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd completions bash > /usr/share/bash-completion/completions/crannog-keyd
  crannog-keyd completions fish > ~/.config/fish/completions/crannog-keyd.fish")]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, printer: &Printer) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut crate::command_line(),
            "crannog-keyd",
            &mut script,
        );
        printer.bytes(&script)
    }
}
