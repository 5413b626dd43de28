//! The command line of `crannogd`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the server.
    #[command(after_help = "Example:
  crannogd serve --data /srv/crannog --listen 0.0.0.0:7443

Prints `listening on ADDR:PORT` when ready. SIGTERM and SIGINT stop it cleanly.")]
    Serve {
        /// The data directory; made at the first start.
        #[arg(long, env = "CRANNOGD_DATA", value_name = "DIR")]
        data: Option<PathBuf>,
        /// Where to listen; port 0 takes a free one.
        #[arg(long, value_name = "ADDR:PORT")]
        listen: Option<String>,
        /// A configuration file (TOML); options given here win.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
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
