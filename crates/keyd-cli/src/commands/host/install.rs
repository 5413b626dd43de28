//! install.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use crannog_keyd_install as host;
use zeroize::Zeroizing;

use super::operator::Person;
use super::{of_install, places, tell};
use crate::failure::{Code, Failure};
use crate::output::Printer;

/// Make this host a key service: users, folders, store, first key, units
///
/// Needs root, says each thing that it does, and does nothing twice: what is there stays. The recovery key is shown once, or written to
/// --recovery-file; keep it elsewhere. It opens everything, on any machine, with a copy of the state directory.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd install --dry-run
  crannog-keyd install --client alice --recovery-file /root/recovery
  crannog-keyd install --tls 0.0.0.0:8200")]
pub(crate) struct Install {
    /// Takes a user into the group of clients (repeat)
    #[arg(long = "client", value_name = "USER")]
    clients: Vec<String>,
    /// Serve other hosts by mutual TLS, here
    #[arg(long, value_name = "ADDRESS:PORT")]
    tls: Option<SocketAddr>,
    /// Write the recovery key here, 0600, instead of showing it
    #[arg(long, value_name = "FILE")]
    recovery_file: Option<PathBuf>,
    /// Unlock by a passphrase after each start, instead of by a key of this host; asked for at the terminal
    #[arg(long)]
    passphrase: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Install {
    pub(crate) fn run(self, printer: &Printer) -> Result<(), Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::new(Code::LocalIo, error.to_string()).object("this program"))?;
        let passphrase = match self.passphrase && !self.dry_run {
            true => Some(new_passphrase()?),
            false => None,
        };
        let install = host::Install {
            places: places()?,
            program,
            clients: self.clients,
            tls: self.tls,
            recovery_file: self.recovery_file,
            passphrase,
            dry_run: self.dry_run,
        };
        let report = install.install(&mut Person::new(printer, None));
        tell(&report.map_err(|error| of_install(&error))?, printer)
    }
}

/// Asked twice: a slip of the hand would lock the store.
pub(super) fn new_passphrase() -> Result<Zeroizing<String>, Failure> {
    let ask = |question: &str| {
        rpassword::prompt_password(question)
            .map(Zeroizing::new)
            .map_err(|error| Failure::new(Code::LocalIo, error.to_string()).object("the terminal"))
    };
    let (first, second) = (ask("Passphrase, at least 12 characters: ")?, ask("Once more: ")?);
    if *first != *second {
        return Err(Failure::new(Code::Usage, "the two passphrases differ"));
    }
    Ok(first)
}
