//! audit follow.

use clap::Args;
use crannog_keyd_client::{AuditRecords, Seconds};

use super::filter::{Filter, FilterOptions};
use super::records;
use super::show::{COUNT, print};
use crate::commands::status;
use crate::failure::Failure;
use crate::session::Session;

/// Less than the time that a call may last.
const WAIT: Seconds = Seconds(20);

/// Show records as they are written, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd audit follow
  crannog-keyd audit follow --key shop-orders --json")]
pub(super) struct Follow {
    #[command(flatten)]
    filter: FilterOptions,
}

impl Follow {
    pub(super) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let filter = Filter::new(self.filter, None)?;
        let mut from = status::ask(session).await?.audit.size;
        loop {
            let asked = AuditRecords {
                from,
                count: COUNT,
                wait: Some(WAIT),
            };
            let lines = records(session, asked).await?;
            lines
                .records
                .iter()
                .try_for_each(|line| print(session, &filter, line))?;
            from = lines.next.max(from);
        }
    }
}
