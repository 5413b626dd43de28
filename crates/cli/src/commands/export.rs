//! export.

use std::path::PathBuf;

use clap::Args;
use crannog_agent_api::{Failure, Request};

use super::transfer::Bounds;
use crate::args::DryRun;
use crate::local_path;
use crate::session::Session;
use crate::shown::Shown;

/// Write everything that this account can read into a folder, readable without crannog
///
/// Every drive, one's own and those of others, as plain folders with times and modes; account.json and drives.json say who,
/// with whom, and who changed what. The same command goes on where it was cut, and brings an export up to date. What could
/// not be read is named, and the exit code is 3. The folder is for its owner alone; nothing in it is encrypted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog export ~/export --dry-run
  crannog export ~/export
  crannog export /mnt/disk/export --history --trash --bwlimit 20M")]
pub(crate) struct Export {
    /// With old versions too, in a folder for each file
    #[arg(long)]
    history: bool,
    /// With what lies in the trash
    #[arg(long)]
    trash: bool,
    /// Replace files of an earlier export that differ
    #[arg(short = 'f', long)]
    overwrite: bool,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    try_out: DryRun,
    /// A folder that is not there yet, is empty, or has an earlier export of this account
    #[arg(value_name = "TO")]
    to: PathBuf,
}

impl Export {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let request = Request::Export {
            to: local_path::absolute(&self.to)?,
            history: self.history,
            trash: self.trash,
            overwrite: self.overwrite,
            dry_run: self.try_out.dry_run,
            limits: self.bounds.into(),
        };
        Shown::changed(&session.ask(request).await?)
    }
}
