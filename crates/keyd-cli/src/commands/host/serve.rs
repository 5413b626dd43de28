//! serve: the key process.

use std::path::PathBuf;

use clap::Args;
use crannog_keyd::config::Config;
use crannog_keyd::daemon::{self, StartError};
use crannog_keyd::service::{OpenError, UnlockError};
use crannog_keyd::store::StoreError;

use super::{config, log};
use crate::failure::{Code, Failure};

/// Hold the keys and use them for others: the key process
///
/// Runs in the foreground until SIGTERM; SIGHUP loads the policy again. Systemd starts it so after `install`. Started by root it makes
/// the folders of its sockets, becomes --user for good, and never serves as root.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd serve --user crannog-keyd
  crannog-keyd serve --config ./config.toml")]
pub(crate) struct Serve {
    /// The configuration [default: /etc/crannog-keyd/config.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Whom the process becomes, if root starts it
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

impl Serve {
    pub(crate) fn run(self) -> Result<(), Failure> {
        log();
        let settings = config(self.config.as_deref())?;
        let path = self.config.unwrap_or_else(|| Config::PATH.into());
        let ended = daemon::run(&settings, &path, self.user.as_deref());
        ended.map_err(|error| of_start(&error).about(settings.state.display().to_string()))
    }
}

/// A start that failed, by whose turn it is.
pub(super) fn of_start(error: &StartError) -> Failure {
    let failure = |code| Failure::new(code, error.to_string());
    match error {
        StartError::Root => failure(Code::Usage).hint("give --user crannog-keyd"),
        StartError::NoUser(_) => failure(Code::NotInstalled).hint("run `crannog-keyd install` as root"),
        StartError::Store(error) | StartError::Open(OpenError::Store(error)) => of_store(error),
        StartError::Unlock(UnlockError::Open(OpenError::Store(error))) => of_store(error),
        StartError::Unlock(UnlockError::Open(OpenError::Log(error))) => {
            Failure::new(Code::VerificationFailed, error.to_string())
                .hint("keep the state directory as it is, and look with `crannog-keyd audit verify --dir`")
        }
        StartError::Unlock(UnlockError::Slot(_)) => failure(Code::VerificationFailed)
            .hint("this unlocking key is not this store's; `crannog-keyd recover` makes another one"),
        StartError::Policy(_) => failure(Code::Usage).hint("look with `crannog-keyd policy check`"),
        _ => failure(Code::Other),
    }
}

fn of_store(error: &StoreError) -> Failure {
    let code = match error {
        StoreError::NotInstalled => Code::NotInstalled,
        StoreError::InUse => Code::TryAgain,
        StoreError::Io { .. } => Code::LocalIo,
        _ => Code::VerificationFailed,
    };
    let failure = Failure::new(code, error.to_string());
    match error {
        StoreError::NotInstalled => failure.hint("run `crannog-keyd install` as root"),
        StoreError::PutBack(_)
        | StoreError::BelowAnchor { .. }
        | StoreError::BelowWitness { .. }
        | StoreError::HeadMissing
        | StoreError::Head(_) => {
            failure.hint("put the newest copy of the state directory back; an older one is not opened")
        }
        _ => failure,
    }
}
