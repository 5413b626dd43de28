//! join, recover, passwd, whoami, devices.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use crannog_agent_api::answer::{DeviceInfo, RecoverySummary, Whoami as Me};
use crannog_agent_api::{Answer, Code, Event, Failure, Request, Secret};
use jiff::Timestamp;

use crate::invite::Invitation;
use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::talk::{Decide, With};
use crate::words::Keep;
use crate::{ask, human, password, table};

/// Make an account on a server, and this its first device
///
/// Twelve words come out: the only way back into the account when every device is lost. They are written to a file,
/// or shown and three of them asked back, before anything is registered.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog join --invite-file invite.json --name alice
  crannog join --invite-file - --name alice --device laptop \\
      --password-file password.txt --words-file words.txt < invite.json")]
pub(crate) struct Join {
    /// What `crannogd invite create --json` printed (`-`: standard input); asked for on a terminal
    #[arg(long, value_name = "FILE")]
    invite_file: Option<PathBuf>,
    /// The server (crannog://HOST:PORT#FINGERPRINT), where the invite does not name it
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The account's name; the server sees it
    #[arg(long)]
    name: String,
    /// This device's name; the server does not see it [default: this machine's name]
    #[arg(long)]
    device: Option<String>,
    /// Write the twelve words here; must not exist
    #[arg(long, value_name = "FILE")]
    words_file: Option<PathBuf>,
    /// Write the whole recovery sheet here (words, server, root, link); must not exist
    #[arg(long, value_name = "FILE")]
    sheet_file: Option<PathBuf>,
}

impl Join {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let keep = Keep::new(self.words_file, self.sheet_file);
        keep.check()?;
        let invitation = match &self.invite_file {
            Some(file) => Invitation::parse(&password::read(file)?)?,
            None if ask::is_possible() => ask::apart(Invitation::ask).await?,
            None => {
                return Err(Failure::new(Code::Usage, "an invite is needed").hint("give --invite-file FILE"));
            }
        };
        let server = self.server.or(invitation.server).ok_or_else(|| {
            Failure::new(Code::Usage, "the invite does not name a server")
                .hint("give --server crannog://HOST:PORT#FINGERPRINT")
        })?;
        let password = password::new(session.global.password_file().as_ref(), "--password-file").await?;
        let request = Request::Join {
            server,
            invite: invitation.invite,
            name: self.name,
            device: self.device.unwrap_or_else(this_machine),
            password,
        };
        let decide: Decide = Arc::new({
            let keep = keep.clone();
            move |event| match event {
                Event::Sheet { words, sheet } => keep.keep(&words, &sheet).map(|()| Vec::new()),
                _ => Err(Failure::new(Code::Internal, "the agent asked something else")),
            }
        });
        let result = session
            .ask_with(
                &request,
                With {
                    decide: Some(decide),
                    ..With::default()
                },
            )
            .await;
        if let Err(failure) = &result
            && was_refused(failure.code)
            && has_no_account(session).await
        {
            keep.forget();
        }
        welcome(&result?)
    }
}

/// The server said no: name, invite or space. Where it may have said yes to a connection that broke, the words are kept.
fn was_refused(code: Code) -> bool {
    matches!(code, Code::Conflict | Code::WrongCredentials | Code::Quota)
}

/// The account was not made before something else failed.
async fn has_no_account(session: &mut Session) -> bool {
    let status = session.ask_with(&Request::Status, With::default()).await;
    matches!(status, Err(failure) if failure.code == Code::NoAccount)
}

/// Get an account back from its words; this becomes a new device of it
///
/// Shows what the words found: the devices that are valid, the last change of the account, the date of the last entry.
/// On a terminal it asks before it goes on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog recover crannog://cloud.example:4433#1f2e... --name alice --device phone --words-file words.txt
  crannog recover crannog://cloud.example:4433#1f2e... --name alice --revoke laptop --revoke-others --yes")]
pub(crate) struct Recover {
    /// The server: crannog://HOST:PORT#FINGERPRINT
    server: String,
    /// The account's name
    #[arg(long)]
    name: String,
    /// This device's name; the server does not see it [default: this machine's name]
    #[arg(long)]
    device: Option<String>,
    /// The twelve words, or the whole recovery sheet (`-`: standard input); asked for on a terminal
    #[arg(long, value_name = "FILE")]
    words_file: Option<PathBuf>,
    /// A device that shall not remain in the account, by name or id; may be repeated
    #[arg(long, value_name = "DEVICE")]
    revoke: Vec<String>,
    /// No other device shall remain
    #[arg(long)]
    revoke_others: bool,
    /// Go on without a question
    #[arg(short, long)]
    yes: bool,
}

impl Recover {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let words = match &self.words_file {
            Some(file) => Secret(password::read(file)?),
            None if ask::secret_is_possible() => ask::secret("The twelve words")?,
            None => {
                return Err(Failure::new(Code::Usage, "the words are needed").hint("give --words-file FILE"));
            }
        };
        let password = password::new(session.global.password_file().as_ref(), "--password-file").await?;
        let request = Request::Recover {
            server: self.server,
            name: self.name,
            device: self.device.unwrap_or_else(this_machine),
            words,
            password,
        };
        let (revoke, others, quiet) = (
            self.revoke,
            self.revoke_others,
            session.global.quiet || session.global.json,
        );
        let asks = !self.yes && ask::is_possible();
        let decide: Decide = Arc::new(move |event| match event {
            Event::Recovery(found) => {
                let ids = chosen(&found, &revoke, others)?;
                if asks || !quiet {
                    crate::output::aside(&describe(&found, &ids));
                }
                if asks && !ask::yes("Recover this account?")? {
                    return Err(Failure::new(Code::Interrupted, "not recovered").hint("nothing was changed"));
                }
                Ok(ids)
            }
            _ => Err(Failure::new(Code::Internal, "the agent asked something else")),
        });
        welcome(
            &session
                .ask_with(
                    &request,
                    With {
                        decide: Some(decide),
                        ..With::default()
                    },
                )
                .await?,
        )
    }
}

/// Ids of the devices that shall not remain.
fn chosen(found: &RecoverySummary, revoke: &[String], others: bool) -> Result<Vec<String>, Failure> {
    if others {
        return Ok(found
            .devices
            .iter()
            .filter(|device| !device.this)
            .map(|device| device.id.clone())
            .collect());
    }
    let mut ids = Vec::new();
    for wanted in revoke {
        let mut named = found
            .devices
            .iter()
            .filter(|device| device.id == *wanted || device.name == *wanted);
        let failure = |code, text: &str| Failure::new(code, text).object(wanted.clone());
        match (named.next(), named.next()) {
            (Some(device), None) => ids.push(device.id.clone()),
            (Some(_), Some(_)) => {
                return Err(
                    failure(Code::Usage, "several devices have this name").hint("name the device by its id")
                );
            }
            (None, _) => return Err(failure(Code::NotFound, "no such device").hint("nothing was changed")),
        }
    }
    Ok(ids)
}

fn describe(found: &RecoverySummary, revoked: &[String]) -> String {
    let last = found
        .last_home_time
        .map_or_else(|| "never".to_owned(), human::time_ms);
    let mut text = format!(
        "{}: {} in the chain, the last one: {}; last entry: {last}\n",
        line(&found.name),
        human::count(u64::from(found.links), "link"),
        line(&found.last_link)
    );
    for device in &found.devices {
        let fate = if revoked.contains(&device.id) {
            "will be revoked"
        } else {
            "stays"
        };
        text.push_str(&format!("  {}  {}  {fate}\n", device.id, line(&device.name)));
    }
    text
}

/// Set another password for this device
///
/// The password protects what lies on this device. It never leaves it, and other devices have their own.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog passwd
  crannog passwd --password-file old.txt --new-password-file new.txt")]
pub(crate) struct Passwd {
    /// Read the new password from a file
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
}

impl Passwd {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let old = password::current(session.global.password_file().as_ref()).await?;
        let old = old.ok_or_else(|| {
            Failure::new(Code::Usage, "the present password is needed").hint("give --password-file FILE")
        })?;
        let new = password::new(self.new_password_file.as_ref(), "--new-password-file").await?;
        let request = Request::Passwd {
            old: old.clone(),
            new,
        };
        let result = match session.ask_with(&request, With::default()).await {
            Err(failure) if failure.code == Code::Locked => {
                session
                    .ask_with(&Request::Unlock { password: old }, With::default())
                    .await?;
                session.ask_with(&request, With::default()).await
            }
            result => result,
        };
        result.map(|_| Shown::said("the password of this device is changed"))
    }
}

/// Show who this device is, and to whom it belongs
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog whoami\n  crannog whoami --json")]
pub(crate) struct Whoami {}

impl Whoami {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session.ask(Request::Whoami).await?;
        let Answer::Whoami(me) = &answer else {
            return Err(unexpected(&answer));
        };
        let text = table::pairs(&[
            ("name", line(&me.name)),
            ("account", line(&me.account)),
            ("root", line(&me.root)),
            ("words", line(&me.words)),
            ("server", line(&me.server)),
            (
                "device",
                format!("{} ({})", line(&me.device), line(&me.device_id)),
            ),
        ]);
        Ok(Shown::new(text, &answer))
    }
}

/// List the devices of this account, and when each was last heard
///
/// The time is the one that the device itself signed last: a server that holds back what is new can't move it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog devices")]
pub(crate) struct Devices {}

impl Devices {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session.ask(Request::Devices).await?;
        let Answer::Devices(devices) = &answer else {
            return Err(unexpected(&answer));
        };
        Ok(Shown::new(list(devices, Timestamp::now()), &answer))
    }
}

fn list(devices: &[DeviceInfo], now: Timestamp) -> String {
    let row = |device: &DeviceInfo| {
        let heard = match (device.this, device.heard) {
            (true, _) => "this device".to_owned(),
            (false, Some(time)) => format!("heard {}", human::ago(time, now)),
            (false, None) => "never heard".to_owned(),
        };
        vec![line(&device.name), line(&device.id), heard]
    };
    table::lines(
        &devices.iter().map(row).collect::<Vec<_>>(),
        &[table::Align::Left; 3],
    )
}

fn welcome(answer: &Answer) -> Result<Shown, Failure> {
    let Answer::Whoami(Me {
        name, server, device, ..
    }) = answer
    else {
        return Err(unexpected(answer));
    };
    Ok(Shown::new(
        format!("{} on {}, device {}\n", line(name), line(server), line(device)),
        answer,
    ))
}

fn this_machine() -> String {
    let name = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| "device".to_owned())
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::Code;
    use crannog_agent_api::answer::{DeviceInfo, RecoverySummary};

    use super::{chosen, describe};

    fn found() -> RecoverySummary {
        let device = |id: &str, name: &str, this| DeviceInfo {
            id: id.into(),
            name: name.into(),
            this,
            heard: None,
        };
        RecoverySummary {
            name: "alice".into(),
            links: 1,
            last_link: "create".into(),
            devices: vec![
                device("1a", "laptop", false),
                device("2b", "tablet", false),
                device("3c", "tablet", false),
            ],
            last_home_time: None,
        }
    }

    #[test]
    fn devices_by_name_or_id() {
        let chosen = |revoke: &[&str], others| {
            chosen(
                &found(),
                &revoke.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
                others,
            )
        };
        assert_eq!(chosen(&["laptop", "3c"], false).unwrap(), ["1a", "3c"]);
        assert_eq!(chosen(&[], true).unwrap(), ["1a", "2b", "3c"]);
        assert_eq!(chosen(&["tablet"], false).unwrap_err().code, Code::Usage);
        assert_eq!(chosen(&["phone"], false).unwrap_err().code, Code::NotFound);
    }

    #[test]
    fn what_was_found() {
        let text = describe(&found(), &["1a".into()]);
        assert!(
            text.starts_with("alice: 1 link in the chain, the last one: create; last entry: never\n"),
            "{text}"
        );
        assert!(text.contains("1a  laptop  will be revoked\n") && text.contains("2b  tablet  stays\n"));
    }
}
