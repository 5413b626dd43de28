//! uninstall.

use clap::Args;
use crannog_keyd_install as host;

use super::operator::Person;
use super::{of_install, places, tell};
use crate::failure::Failure;
use crate::output::Printer;

/// Stop the key service and take away what install made, but for the keys
///
/// The state directory, the unlocking key, the configuration and their users stay, unless --purge is given and the store's id named.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd uninstall
  crannog-keyd uninstall --purge --yes 5f0c…")]
pub(crate) struct Uninstall {
    /// Destroys all keys, the audit log and the configuration too; asks for the store's id
    #[arg(long)]
    purge: bool,
    /// The store's id, for --purge without a terminal
    #[arg(long, value_name = "ID", requires = "purge")]
    yes: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Uninstall {
    pub(crate) fn run(self, printer: &Printer) -> Result<(), Failure> {
        let uninstall = host::Uninstall {
            places: places()?,
            purge: self.purge,
            dry_run: self.dry_run,
        };
        let report = uninstall.uninstall(&mut Person::new(printer, self.yes));
        tell(&report.map_err(|error| of_install(&error))?, printer)
    }
}
