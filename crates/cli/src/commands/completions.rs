//! completions.

use clap::Args;
use clap_complete::Shell;
use crannog_agent_api::Failure;

use crate::shown::Shown;

/// Print a script that completes commands in a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog completions bash > ~/.local/share/bash-completion/completions/crannog
  crannog completions fish > ~/.config/fish/completions/crannog.fish")]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Shown, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::command_line(), "crannog", &mut script);
        let text = String::from_utf8_lossy(&script).into_owned();
        Ok(Shown {
            result: text.as_str().into(),
            text,
            ..Shown::default()
        })
    }
}
