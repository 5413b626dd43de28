//! drive create, list, rename, delete.

use clap::{Args, Subcommand};
use crannog_agent_api::answer::DriveInfo;
use crannog_agent_api::{Answer, Failure, Request};

use crate::args::DryRun;
use crate::decision::Yes;
use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::table::Align::{Left, Right};
use crate::{human, table};

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
///
/// Of a share: how many members it has, what you may do, who made it, and where it appears among your files.
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
    #[command(flatten)]
    sure: Yes,
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
            What::Delete(Delete { name, sure, try_out }) => {
                if !try_out.dry_run {
                    let question = format!("Delete the drive {} with everything in it?", line(&name));
                    sure.or_ask(question).await?;
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
                let files = human::count(drive.files, "file");
                vec![
                    line(&drive.name),
                    files,
                    human::bytes(drive.bytes, self.bytes),
                    remarks(drive),
                ]
            })
            .collect();
        let mut shown = Shown::new(table::lines(&rows, &[Left, Right, Right, Left]), &answer);
        // A path as it is written, not as its parts.
        for (result, drive) in shown.result.as_array_mut().into_iter().flatten().zip(drives) {
            if let Some(place) = &drive.mounted_at {
                result["mounted_at"] = place.to_string().into();
            }
        }
        Ok(shown)
    }
}

/// What there is to say of a drive that is shared, or lies among other files.
fn remarks(drive: &DriveInfo) -> String {
    let mut remarks = Vec::new();
    if drive.default {
        remarks.push("default".to_owned());
    }
    if drive.members > 1 {
        remarks.push(human::count(drive.members, "member"));
    }
    if drive.members > 1 || drive.creator.is_some() {
        remarks.push(match drive.role {
            Some(mine) => format!("you are {mine}"),
            None => "you are no longer a member".to_owned(),
        });
    }
    if let Some(creator) = &drive.creator {
        remarks.push(format!("made by {}", line(creator)));
    }
    if let Some(place) = &drive.mounted_at {
        remarks.push(format!("at {}", line(&place.to_string())));
    }
    remarks.join(", ")
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::DriveInfo;
    use crannog_agent_api::request::Role;

    use super::remarks;

    #[test]
    fn shares_say_so() {
        let own = DriveInfo {
            name: "main".into(),
            default: true,
            id: "00".into(),
            files: 0,
            bytes: 0,
            members: 1,
            role: Some(Role::Admin),
            creator: None,
            mounted_at: None,
        };
        assert_eq!(remarks(&own), "default");
        let share = DriveInfo {
            default: false,
            members: 3,
            role: Some(Role::Writer),
            creator: Some("bob\n".into()),
            mounted_at: Some("/shared/photos".parse().unwrap()),
            ..own
        };
        assert_eq!(
            remarks(&share),
            "3 members, you are writer, made by bob\\n, at /shared/photos"
        );
        let lost = DriveInfo {
            members: 0,
            role: None,
            mounted_at: None,
            ..share
        };
        assert_eq!(remarks(&lost), "you are no longer a member, made by bob\\n");
    }
}
