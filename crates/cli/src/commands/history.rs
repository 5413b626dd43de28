//! versions, restore, forget.

use clap::Args;
use crannog_agent_api::answer::VersionInfo;
use crannog_agent_api::{Answer, Failure, RemotePath, Request};

use crate::args::DryRun;
use crate::decision::Yes;
use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::table::Align::{Left, Right};
use crate::{amount, human, table};

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

/// Delete old versions for good; asks on a terminal
///
/// The current version of a file always stays. What is old in a share goes for everybody.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog forget /letter.txt
  crannog forget -r /photos --older-than 90d --keep 3 --dry-run
  crannog forget -r / --older-than 2024-01-01 --yes")]
pub(crate) struct Forget {
    /// Of all files below a folder
    #[arg(short, long)]
    recursive: bool,
    /// Only those made before: 2024-05-31, or 30m, 12h, 90d ago
    #[arg(long, value_name = "TIME", value_parser = amount::moment)]
    older_than: Option<i64>,
    /// So many old versions of each file stay, the newest
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep: u32,
    #[command(flatten)]
    sure: Yes,
    #[command(flatten)]
    try_out: DryRun,
    /// A file, or with -r a folder
    path: RemotePath,
}

impl Forget {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let request = |dry_run| Request::Forget {
            path: self.path.clone(),
            recursive: self.recursive,
            before: self.older_than,
            keep: self.keep,
            dry_run,
        };
        if !self.try_out.dry_run {
            let question = format!(
                "Delete old versions of {} for good?",
                line(&self.path.to_string())
            );
            self.sure.or_ask_after(session, request(true), question).await?;
        }
        Shown::changed(&session.ask(request(self.try_out.dry_run)).await?)
    }
}
