//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use crannog_agent_api::Start;

use crate::commands::{account, agent, browse, change, completions, drive, health, history, transfer, trash};

/// An end-to-end-encrypted drive on a server that cannot read it.
#[derive(Debug, Parser)]
#[command(
    name = "crannog",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "\
Remote paths are /path in the default drive, or drive:/path. `-` is standard input or output.
Exit codes: 0 ok, 1 other, 2 usage, 3 partly done, 4 not found, 5 try again, 6 locked,
7 wrong credentials, 8 quota, 9 conflict, 10 no account, 11 verification failed, 130 interrupted."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but results and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// How to show progress on standard error
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "auto|json|none"
    )]
    pub(crate) progress: ProgressStyle,
    /// Read this device's password from a file (`-`: standard input) when it is needed
    /// [default: the file that CRANNOG_PASSWORD_FILE names]
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Global {
    /// Where the password is; an empty variable is none.
    pub(crate) fn password_file(&self) -> Option<PathBuf> {
        let named = || std::env::var_os("CRANNOG_PASSWORD_FILE").filter(|name| !name.is_empty());
        self.password_file.clone().or_else(|| named().map(PathBuf::from))
    }
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    /// A bar on a terminal.
    #[default]
    Auto,
    /// JSON lines.
    Json,
    /// Not at all.
    None,
}

/// What changes can be tried out.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DryRun {
    /// Say what would be done, and change nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Join(account::Join),
    Recover(account::Recover),
    Passwd(account::Passwd),
    Whoami(account::Whoami),
    Devices(account::Devices),

    Status(health::Status),
    Doctor(health::Doctor),
    Sync(health::Sync),
    VerifyStore(health::VerifyStore),

    Lock(agent::Lock),
    Unlock(agent::Unlock),
    Agent(agent::Agent),

    Drive(drive::Drive),

    Ls(browse::Ls),
    Tree(browse::Tree),
    Stat(browse::Stat),
    Find(browse::Find),
    Du(browse::Du),

    Put(transfer::Put),
    Get(transfer::Get),
    Cat(transfer::Cat),

    Mkdir(change::Mkdir),
    Cp(change::Cp),
    Mv(change::Mv),
    Rm(change::Rm),

    Trash(trash::Trash),
    Versions(history::Versions),
    Restore(history::Restore),

    Completions(completions::Completions),
}

impl Command {
    /// This process is not a command but an agent.
    pub(crate) fn becomes_agent(&self) -> Option<Start> {
        match self {
            Self::Agent(agent) => agent.becomes(),
            _ => None,
        }
    }
}

/// Reads the command line.
pub(crate) fn parse() -> Result<Arguments, clap::Error> {
    Arguments::try_parse()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use crannog_agent_api::Start;

    use super::{Arguments, Command};

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn clap_is_content() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_agent_understands_how_it_is_started() {
        for how in [Start::Foreground, Start::Detached, Start::HandedOver] {
            let words = std::iter::once("crannog").chain(how.arguments());
            assert_eq!(
                Arguments::try_parse_from(words).unwrap().command.becomes_agent(),
                Some(how)
            );
        }
        assert_eq!(
            parse("crannog agent start").unwrap().command.becomes_agent(),
            None
        );
        assert!(parse("crannog agent start --foreground --detached").is_err());
    }

    #[test]
    fn sources_and_target() {
        let Command::Put(put) = parse("crannog put -r a b/ photos:/x").unwrap().command else {
            panic!("not put")
        };
        assert_eq!(put.sources, [std::path::PathBuf::from("a"), "b/".into()]);
        assert_eq!(put.target.to_string(), "photos:/x");
        assert!(parse("crannog put - /x").is_ok() && parse("crannog get /x -").is_ok());
        for wrong in [
            "crannog put a",
            "crannog put a relative",
            "crannog cp /a",
            "crannog ls /../x",
            "crannog nothing",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn find_has_an_optional_place() {
        let find = |line: &str| match parse(line).unwrap().command {
            Command::Find(find) => (find.path.map(|path| path.to_string()), find.pattern),
            other => panic!("{other:?}"),
        };
        assert_eq!(find("crannog find *.jpg"), (None, "*.jpg".into()));
        assert_eq!(find("crannog find /a *.jpg"), (Some("/a".into()), "*.jpg".into()));
    }

    #[test]
    fn options_of_every_command_stand_anywhere() {
        for line in [
            "crannog --json ls",
            "crannog ls --json",
            "crannog drive list --json -q",
        ] {
            assert!(parse(line).unwrap().global.json, "{line}");
        }
    }
}
