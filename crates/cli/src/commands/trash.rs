//! trash list, restore, empty.

use clap::{Args, Subcommand};
use crannog_agent_api::{Answer, Failure, Request};

use crate::args::DryRun;
use crate::decision::Yes;
use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::table::Align::{Left, Right};
use crate::{amount, human, table};

/// See, take back and delete what `rm` removed
#[derive(Debug, Args)]
pub(crate) struct Trash {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(List),
    Restore(Restore),
    Empty(Empty),
}

/// List what is in the trash
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog trash list\n  crannog trash list --drive photos")]
struct List {
    /// Of this drive [default: the default drive]
    #[arg(long)]
    drive: Option<String>,
    /// Sizes in bytes
    #[arg(long)]
    bytes: bool,
}

/// Put things back where they were
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog trash restore /letters/a.txt")]
struct Restore {
    /// Of this drive [default: the default drive]
    #[arg(long)]
    drive: Option<String>,
    #[command(flatten)]
    try_out: DryRun,
    /// Ids, or the paths where they were
    #[arg(required = true, value_name = "ITEM")]
    items: Vec<String>,
}

/// Delete things in the trash for good, or all of them; asks on a terminal
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  crannog trash empty --dry-run\n  crannog trash empty /letters/a.txt --yes\n  crannog trash empty --older-than 30d --yes"
)]
struct Empty {
    /// Of this drive [default: the default drive]
    #[arg(long)]
    drive: Option<String>,
    #[command(flatten)]
    sure: Yes,
    #[command(flatten)]
    try_out: DryRun,
    /// Only what was removed before: 2024-05-31, or 30m, 12h, 30d ago
    #[arg(long, value_name = "TIME", value_parser = amount::moment)]
    older_than: Option<i64>,
    /// Ids, or the paths where they were [default: everything]
    #[arg(value_name = "ITEM")]
    items: Vec<String>,
}

impl Trash {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let request = match self.what {
            What::List(list) => return list.run(session).await,
            What::Restore(Restore {
                drive,
                try_out,
                items,
            }) => Request::TrashRestore {
                drive,
                items,
                dry_run: try_out.dry_run,
            },
            What::Empty(Empty {
                drive,
                sure,
                try_out,
                older_than,
                items,
            }) => {
                if !try_out.dry_run {
                    let what = if items.is_empty() && older_than.is_some() {
                        "what is as old".to_owned()
                    } else if items.is_empty() {
                        "everything".to_owned()
                    } else {
                        human::count(items.len() as u64, "item")
                    };
                    sure.or_ask(format!("Delete {what} in the trash for good?"))
                        .await?;
                }
                Request::TrashEmpty {
                    drive,
                    items,
                    before: older_than,
                    dry_run: try_out.dry_run,
                }
            }
        };
        Shown::items(&session.ask(request).await?)
    }
}

impl List {
    async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session.ask(Request::TrashList { drive: self.drive }).await?;
        let Answer::Trash(items) = &answer else {
            return Err(unexpected(&answer));
        };
        let rows: Vec<Vec<String>> = items
            .iter()
            .map(|item| {
                vec![
                    line(&item.id),
                    item.removed.map(human::time_ms).unwrap_or_default(),
                    human::bytes(item.size, self.bytes),
                    line(&item.path),
                ]
            })
            .collect();
        Ok(Shown::new(
            table::lines(&rows, &[Left, Left, Right, Left]),
            &answer,
        ))
    }
}
