//! versions, restore.

use clap::Args;
use crannog_agent_api::answer::VersionInfo;
use crannog_agent_api::{Answer, Failure, RemotePath, Request};

use crate::args::DryRun;
use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::table::Align::{Left, Right};
use crate::{human, table};

/// List the versions of a file
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog versions /letter.txt")]
pub(crate) struct Versions {
    /// Sizes in bytes
    #[arg(long)]
    bytes: bool,
    path: RemotePath,
}

impl Versions {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session.ask(Request::Versions { path: self.path }).await?;
        let Answer::Versions(versions) = &answer else {
            return Err(unexpected(&answer));
        };
        let row = |version: &VersionInfo| {
            let current = if version.current { "current" } else { "" };
            vec![
                line(&version.version),
                human::time_ms(version.time),
                human::bytes(version.size, self.bytes),
                line(&version.device),
                current.to_owned(),
            ]
        };
        let rows: Vec<Vec<String>> = versions.iter().map(row).collect();
        Ok(Shown::new(
            table::lines(&rows, &[Left, Left, Right, Left, Left]),
            &answer,
        ))
    }
}

/// Make an old version the current one; it becomes a new version, nothing is lost
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog versions /letter.txt\n  crannog restore /letter.txt 4f1c...")]
pub(crate) struct Restore {
    #[command(flatten)]
    try_out: DryRun,
    path: RemotePath,
    /// As `crannog versions` names it
    version: String,
}

impl Restore {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let dry_run = self.try_out.dry_run;
        Shown::changed(
            &session
                .ask(Request::Restore {
                    path: self.path,
                    version: self.version,
                    dry_run,
                })
                .await?,
        )
    }
}
