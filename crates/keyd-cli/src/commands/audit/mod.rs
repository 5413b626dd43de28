//! audit: the log of what was done with which key, by whom.

mod checkpoint;
mod evidence;
mod filter;
mod follow;
mod report;
mod show;
mod state;
mod verify;

use clap::{Args, Subcommand};
use crannog_keyd_client::{Answer, AuditLines, AuditRecords, Call};

use crate::failure::Failure;
use crate::session::{Session, unexpected};

/// Show, follow and verify the audit log
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Show),
    Follow(follow::Follow),
    Verify(verify::Verify),
    Checkpoint(checkpoint::Checkpoint),
}

impl Audit {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        match self.command {
            Command::Show(show) => show.run(session).await,
            Command::Follow(follow) => follow.run(session).await,
            Command::Verify(verify) => verify.run(session).await,
            Command::Checkpoint(checkpoint) => checkpoint.run(session).await,
        }
    }
}

/// Records from a number on.
async fn records(session: &Session<'_>, asked: AuditRecords) -> Result<AuditLines, Failure> {
    lines(session.administer(&Call::AuditRecords(asked)).await?.answer)
}

fn lines(answer: Answer) -> Result<AuditLines, Failure> {
    match answer {
        Answer::AuditLines(lines) => Ok(lines),
        _ => Err(unexpected()),
    }
}
