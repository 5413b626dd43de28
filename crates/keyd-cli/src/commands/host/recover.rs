//! recover.

use std::path::PathBuf;

use clap::Args;
use crannog_keyd_install as host;
use zeroize::Zeroizing;

use super::install::new_passphrase;
use super::operator::Person;
use super::{of_install, places, tell};
use crate::failure::{Code, Failure};
use crate::output::Printer;

/// Open a store with its recovery key, and give it a new unlocking key
///
/// For a host that lost TPM, key file or passphrase, or for a copy of the state directory on another one. The service must not run. The
/// old unlocking keys open nothing any more; the recovery key stays.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd recover --recovery-file /root/recovery
  crannog-keyd recover --state /var/lib/crannog-keyd --passphrase")]
pub(crate) struct Recover {
    /// The state directory [default: that of the configuration]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// A file with the recovery key; asked for at the terminal without it
    #[arg(long, value_name = "FILE")]
    recovery_file: Option<PathBuf>,
    /// From now on a passphrase unlocks, asked for at the terminal
    #[arg(long)]
    passphrase: bool,
}

impl Recover {
    pub(crate) fn run(self, printer: &Printer) -> Result<(), Failure> {
        let mut places = places()?;
        if let Some(state) = self.state {
            places.state = state;
        }
        let recovery = match &self.recovery_file {
            Some(path) => {
                let read = std::fs::read_to_string(path).map(Zeroizing::new);
                read.map_err(|error| Failure::io(path, &error))?
            }
            None => rpassword::prompt_password("Recovery key: ")
                .map(Zeroizing::new)
                .map_err(|error| Failure::new(Code::LocalIo, error.to_string()).object("the terminal"))?,
        };
        let passphrase = match self.passphrase {
            true => Some(new_passphrase()?),
            false => None,
        };
        let recover = host::Recover {
            places,
            recovery: Zeroizing::new(recovery.trim().to_owned()),
            passphrase,
        };
        let report = recover.recover(&mut Person::new(printer, None));
        tell(&report.map_err(|error| of_install(&error))?, printer)
    }
}
