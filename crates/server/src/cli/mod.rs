//! The command line: `serve`, and commands that ask the running server over its admin socket.
//!
//! Exit codes: 0 done · 1 it failed, or `fsck`, `health` or `backup` found something wrong · 2 the command line is wrong.

mod args;
mod backup;
mod backup_args;
mod configure;
mod manual;
mod offline;
mod pin;
mod render;
mod serve;
mod storage;
mod units;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::admin::{Ask, Tell};
use crate::clock;
use crate::datadir::DataDir;
use args::{Account, Cli, Command, Common, Healing, Invite, Jobs, Quota};

/// What went wrong, and what to do.
#[derive(Debug)]
struct Failure {
    message: String,
    hint: String,
}

impl Failure {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    // Whatever is made, the database above all, is for its owner alone.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let (ask, common) = match Cli::parse().command {
        Command::Serve(settings) => return end(serve::serve(settings).map(|()| true)),
        Command::Init {
            expires,
            quota,
            settings,
            json,
        } => return end(configure::make(settings, expires, quota, json)),
        Command::Config(command) => return end(configure::show(command)),
        Command::Backup(command) => return end(backup::run(command)),
        Command::Fsck { full, common } => return end(offline::fsck(full, &common)),
        Command::Completions { shell } => return end(manual::completions(shell)),
        Command::Openapi => return end(manual::openapi()),
        Command::Man { folder } => return end(manual::pages(&folder)),
        Command::Invite(Invite::Create {
            uses,
            expires,
            quota,
            common,
        }) => (Ask::InviteCreate { uses, expires, quota }, common),
        Command::Invite(Invite::List(common)) => (Ask::InviteList, common),
        Command::Invite(Invite::Revoke { id, common }) => (Ask::InviteRevoke { id }, common),
        Command::Account(Account::List(common)) => (Ask::AccountList, common),
        Command::Account(Account::Show { account, common }) | Command::Inspect { account, common } => {
            (Ask::Inspect { name: account }, common)
        }
        Command::Account(Account::Suspend {
            account,
            undo,
            common,
        }) => (
            Ask::AccountSuspend {
                name: account,
                suspended: !undo,
            },
            common,
        ),
        Command::Account(Account::Delete {
            account,
            yes: true,
            common,
        }) => (Ask::AccountDelete { name: account }, common),
        Command::Account(Account::Delete { account, .. }) => {
            let message =
                format!("the account {account} would be deleted with every journal that it created");
            return end(Err(Failure::new(message, "repeat the command with --yes")));
        }
        Command::Quota(Quota::Set {
            account,
            size,
            common,
        }) => (
            Ask::QuotaSet {
                name: account,
                bytes: size,
            },
            common,
        ),
        Command::Healing(Healing::Status(common)) => (Ask::Healing, common),
        Command::Healing(Healing::Begin(common)) => {
            let taken = Some(clock::now_ms() / 1000);
            (Ask::SetHealing { taken }, common)
        }
        Command::Healing(Healing::End { yes: true, common }) => (Ask::SetHealing { taken: None }, common),
        Command::Healing(Healing::End { .. }) => {
            let message = "what no device has given back until now would be lost";
            let hint = "when everybody ran `crannog heal`, repeat the command with --yes";
            return end(Err(Failure::new(message, hint)));
        }
        Command::Storage(command) => return end(storage::run(command)),
        Command::Jobs(Jobs::List(common)) => (Ask::JobList, common),
        Command::Jobs(Jobs::Run { name, common }) => (Ask::JobRun { name }, common),
        Command::Stats(common) => (Ask::Stats, common),
        Command::Health { wait, common } => {
            wait_for(&common, wait);
            (Ask::Health, common)
        }
    };
    end(ask_and_show(&ask, &common))
}

/// Until the server answers, or the time is over; what it answers then is shown as always.
fn wait_for(common: &Common, seconds: Option<u64>) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds.unwrap_or(0));
    while ask(&common.data, &Ask::Health).is_err() && std::time::Instant::now() < end {
        // sleep: the socket of a server that starts cannot be waited for
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn ask_and_show(asked: &Ask, common: &Common) -> Result<bool, Failure> {
    let told = ask(&common.data, asked)?;
    show(&told, common.json)
}

fn show(told: &Tell, json: bool) -> Result<bool, Failure> {
    if let Tell::Failed { message, hint } = told {
        return Err(Failure::new(message, hint));
    }
    let text = if json {
        render::json(told)
    } else {
        render::text(told)
    };
    print(&text)?;
    Ok(!matches!(told, Tell::Fsck(report) if !report.problems.is_empty()))
}

fn print(text: &(impl AsRef<[u8]> + ?Sized)) -> Result<(), Failure> {
    let written = std::io::stdout().lock().write_all(text.as_ref());
    written.map_err(|error| {
        Failure::new(
            format!("the answer cannot be written: {error}"),
            "check where the output goes",
        )
    })
}

/// Asks the running server.
fn ask(data: &Path, asked: &Ask) -> Result<Tell, Failure> {
    let path = DataDir::socket(data);
    let stream = UnixStream::connect(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => Failure::new(
            format!("no access to {}", path.display()),
            "run the command as the user that runs crannogd, or as root",
        ),
        _ => Failure::new(
            format!(
                "crannogd is not running with the data directory {}",
                data.display()
            ),
            "start it with `crannogd serve --data DIR`, or name the right one with --data",
        ),
    })?;
    let broken = |error: &dyn std::fmt::Display| {
        Failure::new(
            format!("the server did not answer: {error}"),
            "see the server's log",
        )
    };
    let mut line = serde_json::to_string(asked).map_err(|error| broken(&error))?;
    line.push('\n');
    (&stream)
        .write_all(line.as_bytes())
        .map_err(|error| broken(&error))?;
    let mut answer = String::new();
    BufReader::new(&stream)
        .read_line(&mut answer)
        .map_err(|error| broken(&error))?;
    serde_json::from_str(&answer).map_err(|error| broken(&error))
}

fn end(result: Result<bool, Failure>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            // Nobody is left to tell if this fails.
            let _ = write!(
                std::io::stderr().lock(),
                "error: {}\nhint: {}\n",
                failure.message,
                failure.hint
            );
            ExitCode::FAILURE
        }
    }
}
