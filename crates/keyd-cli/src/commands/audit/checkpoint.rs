//! audit checkpoint.

use clap::Args;
use crannog_keyd_client::{Answer, Call};

use crate::failure::Failure;
use crate::session::{Session, unexpected};

/// Print a signed checkpoint of this moment, to be kept elsewhere
///
/// With it `audit verify --checkpoint` finds whoever edits, cuts or puts back the log, also if she has all keys of the machine.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd audit checkpoint > /mnt/elsewhere/keyd.checkpoint")]
pub(super) struct Checkpoint {}

impl Checkpoint {
    pub(super) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Answer::Checkpoint(checkpoint) = session.administer(&Call::AuditCheckpoint).await?.answer else {
            return Err(unexpected());
        };
        session.printer.result(&checkpoint.note, &checkpoint)
    }
}
