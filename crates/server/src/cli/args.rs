//! The command line of `crannogd`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::backup_args::Backup;
use super::units::{parse_duration, parse_size};

/// The server of a Crannog: stores, orders and delivers what it cannot read.
#[derive(Debug, Parser)]
#[command(
    name = "crannogd",
    version,
    max_term_width = 100,
    after_help = "Examples:
  crannogd serve --data /srv/crannog --listen 0.0.0.0:7443
  crannogd invite create --data /srv/crannog --quota 50GiB
  crannogd fsck --data /srv/crannog --full"
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Common {
    /// The data directory.
    #[arg(
        long,
        env = "CRANNOGD_DATA",
        default_value = "/var/lib/crannogd",
        value_name = "DIR"
    )]
    pub(super) data: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// What says how a server is to run.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// The data directory; made at the first start.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(super) listen: Option<String>,
    /// A configuration file (TOML); variables win over it, and options given here over both.
    #[arg(long, env = "CRANNOGD_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Configuration {
    /// Check file and variables; exit code 1 if no server could run with them.
    #[command(after_help = "Example:\n  crannogd config check --config /etc/crannogd.toml")]
    Check(#[command(flatten)] Shown),
    /// Print every setting in force, its variable, and where it comes from.
    #[command(after_help = "Example:\n  crannogd config print --config /etc/crannogd.toml")]
    Print(#[command(flatten)] Shown),
}

#[derive(Debug, Args)]
pub(super) struct Shown {
    #[command(flatten)]
    pub(super) settings: Settings,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the server.
    #[command(after_help = "Example:
  crannogd serve --data /srv/crannog --listen 0.0.0.0:7443

Prints `listening on ADDR:PORT` when ready. SIGTERM and SIGINT stop it cleanly.")]
    Serve(#[command(flatten)] Settings),
    /// Make a server: directory, keys, a first invite. Refuses a directory that has one.
    #[command(after_help = "Example:
  crannogd init --data /srv/crannog --config /etc/crannogd.toml

`serve` makes directory and keys too, at its first start; this also prints address and invite.")]
    Init {
        /// How long the invite is valid: 30m, 12h, 7d.
        #[arg(long, default_value = "7d", value_name = "TIME", value_parser = parse_duration)]
        expires: u64,
        /// What its account may store: 500MB, 10GiB; the server's default when not given.
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        quota: Option<u64>,
        #[command(flatten)]
        settings: Settings,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// The configuration.
    #[command(subcommand)]
    Config(Configuration),
    /// Invites: who may make an account.
    #[command(subcommand)]
    Invite(Invite),
    /// Accounts.
    #[command(subcommand)]
    Account(Account),
    /// Quotas.
    #[command(subcommand)]
    Quota(Quota),
    /// Show everything that the server knows of an account.
    #[command(after_help = "Example:\n  crannogd inspect alice")]
    Inspect {
        /// The account's name.
        account: String,
        #[command(flatten)]
        common: Common,
    },
    /// Check that rows, files, chains and signatures agree; exit code 1 if not. Works with and without a running server.
    #[command(after_help = "Example:\n  crannogd fsck --full")]
    Fsck {
        /// Hash every file too.
        #[arg(long)]
        full: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Backups: blobs as they are, everything else sealed to a key that is not on the server.
    #[command(subcommand)]
    Backup(Backup),
    /// What the server does by itself, every hour.
    #[command(subcommand)]
    Jobs(Jobs),
    /// After a restore: devices give back what came after the backup, and nothing new is taken until that has ended.
    #[command(subcommand)]
    Healing(Healing),
    /// Where the blobs lie.
    #[command(subcommand)]
    Storage(Storage),
    /// Show counts.
    #[command(after_help = "Example:\n  crannogd stats --json")]
    Stats(#[command(flatten)] Common),
    /// Ask whether the server is well; exit code 1 if not.
    #[command(after_help = "Examples:\n  crannogd health\n  crannogd health --wait 60")]
    Health {
        /// Wait so many seconds for the server to be well.
        #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "30")]
        wait: Option<u64>,
        #[command(flatten)]
        common: Common,
    },
    /// Print a script that completes commands in a shell.
    #[command(after_help = "Example:\n  crannogd completions bash > /etc/bash_completion.d/crannogd")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the API that clients speak, as an OpenAPI 3.1 document (JSON).
    #[command(after_help = "Example:\n  crannogd openapi > openapi.json")]
    Openapi,
    /// Write the manual pages of all commands into a folder.
    #[command(hide = true, after_help = "Example:\n  crannogd man ./man8")]
    Man {
        /// Where to.
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Invite {
    /// Make an invite.
    #[command(after_help = "Example:\n  crannogd invite create --uses 5 --expires 7d --quota 10GiB")]
    Create {
        /// How many accounts it is for.
        #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
        /// How long it is valid: 30m, 12h, 7d.
        #[arg(long, default_value = "7d", value_name = "TIME", value_parser = parse_duration)]
        expires: u64,
        /// What each account may store: 500MB, 10GiB; the server's default when not given.
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        quota: Option<u64>,
        #[command(flatten)]
        common: Common,
    },
    /// List invites.
    #[command(after_help = "Example:\n  crannogd invite list")]
    List(#[command(flatten)] Common),
    /// Take an invite back.
    #[command(after_help = "Example:\n  crannogd invite revoke 4f2a91")]
    Revoke {
        /// Its id, or the beginning of it, as `invite list` shows it.
        #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
        id: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// List accounts.
    #[command(after_help = "Example:\n  crannogd account list")]
    List(#[command(flatten)] Common),
    /// Show one.
    #[command(after_help = "Example:\n  crannogd account show alice")]
    Show {
        /// The account's name.
        account: String,
        #[command(flatten)]
        common: Common,
    },
    /// Refuse its requests; its data stays.
    #[command(
        after_help = "Example:\n  crannogd account suspend alice\n  crannogd account suspend alice --undo"
    )]
    Suspend {
        /// The account's name.
        account: String,
        /// Let it go on.
        #[arg(long)]
        undo: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Delete it, with every journal that it created. This cannot be undone.
    #[command(after_help = "Example:\n  crannogd account delete alice --yes")]
    Delete {
        /// The account's name.
        account: String,
        /// Really.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Jobs {
    /// List the jobs: when each ran, and whether it ended well.
    #[command(after_help = "Example:\n  crannogd jobs list")]
    List(#[command(flatten)] Common),
    /// Do one now.
    #[command(after_help = "Example:\n  crannogd jobs run collection")]
    Run {
        /// Its name, as `jobs list` shows it.
        name: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Healing {
    /// Say whether the server heals, and from the state of when.
    #[command(after_help = "Example:\n  crannogd healing status")]
    Status(#[command(flatten)] Common),
    /// Begin, where no `backup restore` did: the disk or machine was set back to an earlier state by other means.
    #[command(after_help = "Example:\n  crannogd healing begin --data /srv/crannog")]
    Begin(#[command(flatten)] Common),
    /// End it: new changes are taken again. What nobody gave back until now is lost.
    #[command(after_help = "Example:\n  crannogd healing end --yes")]
    End {
        /// Really.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Storage {
    /// Move the blobs to another folder or disk. The server must be stopped; a move that was broken off goes on.
    #[command(after_help = "Example:\n  crannogd storage migrate --data /srv/crannog --to /mnt/disk2/blobs")]
    Migrate {
        /// The new folder: empty, or the beginning of this move.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// Move also when blobs are damaged or missing; each is named.
        #[arg(long)]
        partial: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Quota {
    /// Set what an account may store.
    #[command(after_help = "Example:\n  crannogd quota set alice 50GiB")]
    Set {
        /// The account's name.
        account: String,
        /// 500MB, 10GiB.
        #[arg(value_parser = parse_size)]
        size: u64,
        #[command(flatten)]
        common: Common,
    },
}
