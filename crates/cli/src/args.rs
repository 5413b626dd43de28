//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use crannog_agent_api::Start;

use crate::commands::{
    account, agent, audit, browse, change, close, completions, contacts, drive, export, heal, health,
    history, log, man, people, share, transfer, transfers, trash, watch,
};

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
7 wrong credentials, 8 quota, 9 conflict, 10 no account, 11 verification failed, 12 cancelled, 130 interrupted."
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
    Account(close::Account),
    Whoami(account::Whoami),
    Devices(account::Devices),

    Status(health::Status),
    Doctor(health::Doctor),
    Sync(health::Sync),
    Heal(heal::Heal),
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
    Export(export::Export),
    Transfers(transfers::Transfers),

    Mkdir(change::Mkdir),
    Cp(change::Cp),
    Mv(change::Mv),
    Rm(change::Rm),

    Trash(trash::Trash),
    Versions(history::Versions),
    Restore(history::Restore),
    Forget(history::Forget),

    Share(share::Share),
    Invites(share::Invites),
    Accept(share::Accept),
    Decline(share::Decline),
    Members(people::Members),
    Role(people::SetRole),
    Unshare(people::Unshare),
    Leave(people::Leave),
    Contacts(contacts::Contacts),

    Log(log::Log),
    Watch(watch::Watch),
    Audit(audit::Audit),

    Completions(completions::Completions),
    Man(man::Man),
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
    use crate::commands::share::RoleWord;

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
        assert!(parse("crannog put - /x").is_ok() && parse("crannog get /x -").is_ok());
        for wrong in [
            "crannog put",
            "crannog cp relative /x",
            "crannog find a b c",
            "crannog ls /../x",
            "crannog nothing",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn find_has_an_optional_place() {
        let find = |line: &str| match parse(line).unwrap().command {
            Command::Find(find) => find.words,
            other => panic!("{other:?}"),
        };
        assert_eq!(find("crannog find *.jpg"), ["*.jpg"]);
        assert_eq!(find("crannog find /a --json *.jpg"), ["/a", "*.jpg"]);
    }

    #[test]
    fn options_stand_before_between_and_after_the_places() {
        for line in [
            "crannog put -r a b/ photos:/x",
            "crannog put a -r b/ photos:/x",
            "crannog put a b/ --recursive photos:/x",
            "crannog put a b/ photos:/x -r",
        ] {
            let Command::Put(put) = parse(line).unwrap().command else {
                panic!("not put")
            };
            assert!(put.recursive, "{line}");
            assert_eq!(put.places, ["a", "b/", "photos:/x"], "{line}");
        }
        for line in [
            "crannog get /a -r -f .",
            "crannog get /a . --exclude x -r",
            "crannog cp /a -r /b",
            "crannog mv /a /b -n /c",
            "crannog mkdir /a -p /b",
            "crannog rm /a -r /b",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn sharing() {
        let role = |line: &str| match parse(line).unwrap().command {
            Command::Share(share) => share.role,
            other => panic!("{other:?}"),
        };
        assert_eq!(role("crannog share /a bob"), None);
        assert_eq!(
            role("crannog share /a bob --role admin -n"),
            Some(RoleWord::Admin)
        );
        for right in [
            "crannog unshare /a bob carol -y",
            "crannog unshare /a --all -n",
            "crannog role /a bob writer",
            "crannog accept photos --at work:/x",
            "crannog contacts --trust bob -y",
            "crannog watch --notify",
            "crannog log /a --limit 3",
        ] {
            assert!(parse(right).is_ok(), "{right}");
        }
        for wrong in [
            "crannog share /a",
            "crannog share /a bob --role owner",
            "crannog unshare /a bob --all",
            "crannog role /a bob",
            "crannog log --limit -1",
            "crannog audit",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
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
