//! drive create, list, rename, delete.

use clap::{Args, Subcommand};
use crannog_agent_api::{Answer, Code, Failure, Request};

use crate::args::DryRun;
use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::table::Align::{Left, Right};
use crate::{ask, human, table};

/// Make, list, rename and delete drives
#[derive(Debug, Args)]
pub(crate) struct Drive {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Create(Create),
    List(List),
    Rename(Rename),
    Delete(Delete),
}

/// Make a drive
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog drive create photos\n  crannog put -r ~/Pictures/ photos:/")]
struct Create {
    name: String,
    #[command(flatten)]
    try_out: DryRun,
}

/// List the drives; the one that a plain path means is marked
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog drive list")]
struct List {
    /// Sizes in bytes
    #[arg(long)]
    bytes: bool,
}

/// Give a drive another name
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog drive rename photos pictures")]
struct Rename {
    name: String,
    new_name: String,
    #[command(flatten)]
    try_out: DryRun,
}

/// Delete a drive with everything in it; asks on a terminal
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog drive delete photos\n  crannog drive delete photos --dry-run")]
struct Delete {
    name: String,
    /// Go on without a question
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    try_out: DryRun,
}

impl Drive {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let request = match self.what {
            What::List(list) => return list.run(session).await,
            What::Create(Create { name, try_out }) => Request::DriveCreate {
                name,
                dry_run: try_out.dry_run,
            },
            What::Rename(Rename {
                name,
                new_name,
                try_out,
            }) => Request::DriveRename {
                name,
                new_name,
                dry_run: try_out.dry_run,
            },
            What::Delete(Delete { name, yes, try_out }) => {
                if !yes && !try_out.dry_run {
                    sure(format!("Delete the drive {} with everything in it?", line(&name))).await?;
                }
                Request::DriveDelete {
                    name,
                    dry_run: try_out.dry_run,
                }
            }
        };
        Shown::changed(&session.ask(request).await?)
    }
}

impl List {
    async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session.ask(Request::DriveList).await?;
        let Answer::Drives(drives) = &answer else {
            return Err(unexpected(&answer));
        };
        let rows: Vec<Vec<String>> = drives
            .iter()
            .map(|drive| {
                let default = if drive.default { "default" } else { "" };
                let files = human::count(drive.files, "file");
                vec![
                    line(&drive.name),
                    files,
                    human::bytes(drive.bytes, self.bytes),
                    default.to_owned(),
                ]
            })
            .collect();
        Ok(Shown::new(
            table::lines(&rows, &[Left, Right, Right, Left]),
            &answer,
        ))
    }
}

/// Asks a person before something cannot be undone; a script has made up its mind.
pub(super) async fn sure(question: String) -> Result<(), Failure> {
    if !ask::is_possible() || ask::apart(move || ask::yes(&question)).await? {
        return Ok(());
    }
    Err(Failure::new(Code::Interrupted, "not done").hint("nothing was changed"))
}
