//! members, role, unshare, leave.

use clap::Args;
use crannog_agent_api::answer::MemberInfo;
use crannog_agent_api::request::Role;
use crannog_agent_api::{Answer, Code, Failure, RemotePath, Request};

use crate::args::DryRun;
use crate::commands::share::RoleWord;
use crate::decision::Yes;
use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::table::Align::{Left, Right};
use crate::{human, person, table};

/// List who may do what in a share
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog members /photos\n  crannog members /photos --json")]
pub(crate) struct Members {
    /// Sizes in bytes
    #[arg(long)]
    bytes: bool,
    /// A share, or something in it
    path: RemotePath,
}

impl Members {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session.ask(Request::Members { path: self.path }).await?;
        let Answer::Members(members) = &answer else {
            return Err(unexpected(&answer));
        };
        Ok(Shown::new(list(members, self.bytes), &answer))
    }
}

fn list(members: &[MemberInfo], exact: bool) -> String {
    let row = |member: &MemberInfo| {
        let name = if member.me {
            format!("{} (you)", line(&member.name))
        } else {
            format!("{} ({})", line(&member.name), person::mark(member.verified))
        };
        vec![
            name,
            member.role.to_string(),
            human::bytes(member.bytes, exact),
            remarks(member).join(", "),
        ]
    };
    table::lines(
        &members.iter().map(row).collect::<Vec<_>>(),
        &[Left, Left, Right, Left],
    )
}

fn remarks(member: &MemberInfo) -> Vec<String> {
    let mut remarks = Vec::new();
    if member.frozen {
        remarks.push("ROOT CHANGED: see `crannog contacts`".to_owned());
    }
    if member.leaving {
        remarks.push("being removed".to_owned());
    }
    if member.creator {
        remarks.push("made it: the bytes count on her quota".to_owned());
    }
    if let Some(since) = member.since {
        remarks.push(format!("since {}", human::time_ms(since)));
    }
    if let Some(by) = &member.by {
        remarks.push(format!("taken in by {}", person::person(by)));
    }
    remarks
}

/// Give a member of a share another role
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  crannog role /photos bob writer\n  crannog role /photos bob reader --dry-run"
)]
pub(crate) struct SetRole {
    #[command(flatten)]
    try_out: DryRun,
    /// The share
    path: RemotePath,
    /// The member
    name: String,
    /// What she may do from now on
    #[arg(value_enum)]
    role: RoleWord,
}

impl SetRole {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let role = Role::from(self.role);
        let said = format!("{} is {role} now", line(&self.name));
        let request = Request::SetRole {
            path: self.path,
            name: self.name,
            role,
            dry_run: self.try_out.dry_run,
        };
        Shown::done(&session.ask(request).await?, &said)
    }
}

/// Remove people from a share; asks on a terminal
///
/// Whoever is removed keeps what she could read till then. Shares inside the share are apart: those where she remains are named.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog unshare /photos bob
  crannog unshare /photos bob carol --yes
  crannog unshare /photos --all --dry-run")]
pub(crate) struct Unshare {
    /// Everybody but yourself
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    sure: Yes,
    #[command(flatten)]
    try_out: DryRun,
    /// The share
    path: RemotePath,
    /// The members
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

impl Unshare {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        if self.names.is_empty() && !self.all {
            return Err(Failure::new(Code::Usage, "nobody is named")
                .hint("name the members to remove, or give --all for everybody but yourself"));
        }
        let request = |dry_run| Request::Unshare {
            path: self.path.clone(),
            names: self.names.clone(),
            dry_run,
        };
        let whom = if self.all {
            "everybody but yourself".to_owned()
        } else {
            line(&self.names.join(", "))
        };
        if !self.try_out.dry_run {
            let question = format!("Remove {whom} from {}?", line(&self.path.to_string()));
            self.sure.or_ask_after(session, request(true), question).await?;
        }
        let answer = session.ask(request(self.try_out.dry_run)).await?;
        Shown::done(&answer, &format!("removed {whom}"))
    }
}

/// Leave a share of somebody else's; asks on a terminal
///
/// It disappears from your files, with what you put there. The only admin of a share that has others cannot leave it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog leave /photos\n  crannog leave /photos --yes")]
pub(crate) struct Leave {
    #[command(flatten)]
    sure: Yes,
    #[command(flatten)]
    try_out: DryRun,
    /// The share
    path: RemotePath,
}

impl Leave {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let place = line(&self.path.to_string());
        let request = |dry_run| Request::Leave {
            path: self.path.clone(),
            dry_run,
        };
        if !self.try_out.dry_run {
            let question = format!("Leave {place}?");
            self.sure.or_ask_after(session, request(true), question).await?;
        }
        let answer = session.ask(request(self.try_out.dry_run)).await?;
        Shown::done(&answer, &format!("left {place}"))
    }
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::{MemberInfo, Person};
    use crannog_agent_api::request::Role;

    use super::list;

    #[test]
    fn members() {
        let alice = MemberInfo {
            name: "alice".into(),
            account: "00".into(),
            me: true,
            role: Role::Admin,
            verified: false,
            frozen: false,
            since: None,
            by: None,
            bytes: 2048,
            creator: true,
            leaving: false,
        };
        let bob = MemberInfo {
            name: "bob\x07".into(),
            me: false,
            role: Role::Reader,
            frozen: true,
            by: Some(Person {
                name: "alice".into(),
                account: "00".into(),
                device: "laptop".into(),
                me: true,
                verified: false,
            }),
            bytes: 0,
            creator: false,
            leaving: true,
            ..alice.clone()
        };
        assert_eq!(
            list(&[alice, bob], false),
            "alice (you)              admin   2.0 KiB  made it: the bytes count on her quota\n\
             bob\\u{7} (not verified)  reader      0 B  ROOT CHANGED: see `crannog contacts`, being removed, taken in by you, laptop\n"
        );
    }
}
