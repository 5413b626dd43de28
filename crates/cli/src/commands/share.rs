//! share, invites, accept, decline.

use clap::{Args, ValueEnum};
use crannog_agent_api::answer::{InviteInfo, SharedInfo};
use crannog_agent_api::request::Role;
use crannog_agent_api::{Answer, Failure, RemotePath, Request};

use jiff::Timestamp;

use crate::args::DryRun;
use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::{human, person, table};

/// Of an id so much is shown: a beginning names an invite too.
const ID_SHOWN: usize = 8;

/// What a member may do, as one writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleWord {
    /// Read, with history
    Reader,
    /// Add files and folders too, and change nothing that is there: for a machine that makes backups
    Append,
    /// Change files too
    Writer,
    /// Take people in, give roles and remove people too
    Admin,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Reader => Self::Reader,
            RoleWord::Append => Self::Append,
            RoleWord::Writer => Self::Writer,
            RoleWord::Admin => Self::Admin,
        }
    }
}

/// Share a folder or a file with somebody who has an account on the same server
///
/// She gets an invite; sharing with her again sends another one, and leaves her role as it is unless one is given. That the account is hers only the server says, until the two of
/// you have compared its ten words.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog share /photos bob
  crannog share /photos bob --role writer
  crannog share work:/plans carol --dry-run
  crannog share backups:/ nas --role append")]
pub(crate) struct Share {
    /// What she may do [default: reader; a member keeps her role]
    #[arg(long, value_enum)]
    pub(crate) role: Option<RoleWord>,
    #[command(flatten)]
    try_out: DryRun,
    /// A folder or a file
    path: RemotePath,
    /// The name of her account
    name: String,
}

impl Share {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let request = Request::Share {
            path: self.path,
            with: self.name,
            role: self.role.map(Role::from),
            dry_run: self.try_out.dry_run,
        };
        let answer = session.ask(request).await?;
        let Answer::Shared(shared) = &answer else {
            return Err(unexpected(&answer));
        };
        Ok(Shown::new(describe(shared), &answer))
    }
}

fn describe(shared: &SharedInfo) -> String {
    let mut text = String::new();
    if shared.dry_run {
        text.extend(shared.plan.iter().map(|step| format!("would {}\n", line(step))));
    }
    text.push_str(&format!(
        "{} {} with {} as {}{}\n",
        if shared.dry_run { "would share" } else { "shared" },
        line(&shared.path),
        line(&shared.name),
        shared.role,
        if shared.known {
            ""
        } else {
            ", seen for the first time"
        }
    ));
    text.push_str(&person::words(&shared.name, &shared.words, shared.verified));
    text
}

/// List the invites that wait for an answer
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog invites\n  crannog invites --json")]
pub(crate) struct Invites {}

impl Invites {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session.ask(Request::Invites).await?;
        let Answer::Invites(invites) = &answer else {
            return Err(unexpected(&answer));
        };
        Ok(Shown::new(list(invites, Timestamp::now()), &answer))
    }
}

fn until(expires: i64, now: Timestamp) -> String {
    let mut text = human::time_ms(expires);
    if expires < now.as_millisecond() {
        text.push_str(" (expired: ask for another one)");
    }
    text
}

fn list(invites: &[InviteInfo], now: Timestamp) -> String {
    let one = |invite: &InviteInfo| {
        let id: String = invite.id.chars().take(ID_SHOWN).collect();
        let kind = if invite.file { "a file" } else { "a folder" };
        let facts = table::pairs(&[
            ("invite", line(&id)),
            ("name", format!("{} ({kind})", line(&invite.name))),
            ("as", invite.role.to_string()),
            ("from", person::person(&invite.from)),
            ("sent", human::time_ms(invite.time)),
            ("until", until(invite.expires, now)),
        ]);
        format!(
            "{facts}{}",
            person::words(&invite.from.name, &invite.words, invite.from.verified)
        )
    };
    invites.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Accept an invite: what is shared appears among your files
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog accept photos
  crannog accept 4f1c02aa --at /shared/photos")]
pub(crate) struct Accept {
    /// Where it is to appear [default: /NAME in the default drive]
    #[arg(long, value_name = "PATH")]
    at: Option<RemotePath>,
    #[command(flatten)]
    try_out: DryRun,
    /// Its id, the beginning of it, or the name of what is shared (see `crannog invites`)
    invite: String,
}

impl Accept {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let request = Request::Accept {
            invite: self.invite,
            at: self.at,
            dry_run: self.try_out.dry_run,
        };
        let answer = session.ask(request).await?;
        let Answer::Accepted(accepted) = &answer else {
            return Err(unexpected(&answer));
        };
        let text = format!(
            "{} {}: it appears at {}, and you are {}\n",
            if accepted.dry_run {
                "would accept"
            } else {
                "accepted"
            },
            line(&accepted.name),
            line(&accepted.path),
            accepted.role
        );
        Ok(Shown::new(text, &answer))
    }
}

/// Decline an invite
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog decline photos\n  crannog decline 4f1c02aa")]
pub(crate) struct Decline {
    #[command(flatten)]
    try_out: DryRun,
    /// Its id, the beginning of it, or the name of what is shared (see `crannog invites`)
    invite: String,
}

impl Decline {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let request = Request::Decline {
            invite: self.invite,
            dry_run: self.try_out.dry_run,
        };
        Shown::done(&session.ask(request).await?, "declined")
    }
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::{InviteInfo, Person, SharedInfo};
    use crannog_agent_api::request::Role;
    use jiff::Timestamp;

    use super::{describe, list};

    #[test]
    fn what_was_shared() {
        let shared = SharedInfo {
            path: "/photos\x1b".into(),
            name: "bob".into(),
            role: Role::Writer,
            words: "one two".into(),
            known: true,
            verified: false,
            dry_run: false,
            plan: vec!["make a share of /photos".into()],
        };
        assert_eq!(
            describe(&shared),
            "shared /photos\\u{1b} with bob as writer\nbob's words: one two\nnot verified: compare the words with her\n"
        );
        let tried = SharedInfo {
            path: "/photos".into(),
            known: false,
            verified: true,
            dry_run: true,
            ..shared
        };
        assert_eq!(
            describe(&tried),
            "would make a share of /photos\nwould share /photos with bob as writer, seen for the first time\n\
             bob's words: one two\nverified\n"
        );
    }

    #[test]
    fn invites_are_listed_with_the_words() {
        let invite = InviteInfo {
            id: "00112233445566778899aabbccddeeff".into(),
            from: Person {
                name: "bob".into(),
                account: "07".into(),
                device: "phone".into(),
                me: false,
                verified: false,
            },
            words: "one two".into(),
            name: "pho\ntos".into(),
            file: false,
            role: Role::Reader,
            time: 0,
            expires: 0,
        };
        let now = Timestamp::from_second(1).unwrap();
        let text = list(&[invite.clone(), invite], now);
        assert!(text.contains("(expired: ask for another one)"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..4],
            [
                "invite:  00112233",
                "name:    pho\\ntos (a folder)",
                "as:      reader",
                "from:    bob (not verified), phone"
            ]
        );
        assert_eq!(
            lines[6..9],
            [
                "bob's words: one two",
                "not verified: compare the words with her",
                ""
            ]
        );
        assert_eq!(list(&[], now), "");
    }
}
