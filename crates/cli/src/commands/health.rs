//! status, doctor, sync, verify-store.

use std::path::PathBuf;

use clap::Args;
use crannog_agent_api::answer::{Finding, Status as State};
use crannog_agent_api::{Answer, Code, Failure, Request, build};
use jiff::Timestamp;

use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::talk::With;
use crate::{human, local_path, table};

/// Show how things are: connection, sync, quota, invites, alarms
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog status\n  crannog status --json")]
pub(crate) struct Status {}

impl Status {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        // Nobody unlocks in order to read that it is locked.
        let answer = session.ask_with(&Request::Status, With::default()).await?;
        let Answer::Status(state) = &answer else {
            return Err(unexpected(&answer));
        };
        Ok(Shown::new(describe(state, Timestamp::now()), &answer))
    }
}

fn describe(state: &State, now: Timestamp) -> String {
    let mut pairs = vec![(
        "agent",
        format!("{}{}", state.version, if state.locked { ", locked" } else { "" }),
    )];
    if let Some(account) = &state.account {
        pairs.push(("account", line(account)));
    }
    if let Some(device) = &state.device {
        pairs.push(("device", line(device)));
    }
    if !state.locked {
        let heard = state
            .last_heard
            .map_or_else(|| "never".to_owned(), |time| human::ago(time, now));
        pairs.push((
            "server",
            format!(
                "{}, last heard {heard}",
                if state.online { "online" } else { "offline" }
            ),
        ));
        pairs.push((
            "behind",
            human::count(state.behind, "entry").replace("entrys", "entries"),
        ));
        pairs.push(("transfers", state.transfers.to_string()));
        if state.invites > 0 {
            let waiting = format!("{} waiting: see `crannog invites`", state.invites);
            pairs.push(("invites", waiting));
        }
        pairs.push((
            "space",
            format!("{} of {}", human::size(state.used), human::size(state.quota)),
        ));
    }
    let mut text = table::pairs(&pairs);
    for alarm in &state.alarms {
        let check = alarm
            .check
            .as_deref()
            .map(|check| format!(" ({check})"))
            .unwrap_or_default();
        text.push_str(&format!("ALARM: {}{}\n", line(&alarm.to_string()), line(&check)));
    }
    text
}

/// Look for what is wrong on this device
///
/// An alarm says that a check failed, so that somebody lied: the drive (or home) is not used any more. When you have looked into it,
/// --dismiss lets it be read on from what was verified before. The check stays: a server that still lies raises it again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog doctor
  crannog doctor --dismiss photos")]
pub(crate) struct Doctor {
    /// Forget the alarm of this drive (or `home`)
    #[arg(long, value_name = "NAME")]
    dismiss: Option<String>,
}

impl Doctor {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        if let Some(journal) = self.dismiss {
            session.ask(Request::Dismiss { journal }).await?;
        }
        let answer = session.ask(Request::Doctor).await?;
        let Answer::Findings(found) = answer else {
            return Err(unexpected(&answer));
        };
        let theirs = session.agent().await?.welcome.build.clone();
        let same = theirs == build::running();
        let own = Finding {
            state: if same { "ok" } else { "warning" }.to_owned(),
            object: "agent".to_owned(),
            text: if same {
                "runs this program"
            } else {
                "runs another program than this one"
            }
            .to_owned(),
        };
        let found = std::iter::once(own).chain(found).collect();
        Ok(findings(found, Code::Other, "something is wrong"))
    }
}

/// Catch up with the server, now
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog sync")]
pub(crate) struct Sync {}

impl Sync {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session.ask(Request::Sync).await?;
        Ok(Shown::new("up to date\n", &answer))
    }
}

/// Fetch and check every byte that the server keeps
///
/// What is broken is named; with --repair-from it is made again from local files whose content is the same.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog verify-store
  crannog verify-store --drive photos --repair-from ~/Pictures")]
pub(crate) struct VerifyStore {
    /// Only this drive
    #[arg(long)]
    drive: Option<String>,
    /// Folders whose files may serve to make broken parts again; may be repeated
    #[arg(long, value_name = "DIR")]
    repair_from: Vec<PathBuf>,
    #[command(flatten)]
    bounds: super::transfer::Bounds,
    #[command(flatten)]
    try_out: crate::args::DryRun,
}

impl VerifyStore {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        // Without folders nothing is changed: that is what would be repaired.
        let folders = if self.try_out.dry_run {
            &[][..]
        } else {
            &self.repair_from
        };
        let repair_from = folders
            .iter()
            .map(|path| local_path::absolute(path))
            .collect::<Result<_, _>>()?;
        let answer = session
            .ask(Request::VerifyStore {
                drive: self.drive,
                repair_from,
                limits: self.bounds.into(),
            })
            .await?;
        match answer {
            Answer::Findings(found) => Ok(findings(
                found,
                Code::VerificationFailed,
                "the server does not keep what it took",
            )),
            answer => Err(unexpected(&answer)),
        }
    }
}

fn findings(found: Vec<Finding>, code: Code, wrong: &str) -> Shown {
    let row = |finding: &Finding| vec![line(&finding.state), line(&finding.object), line(&finding.text)];
    let text = table::lines(
        &found.iter().map(row).collect::<Vec<_>>(),
        &[table::Align::Left; 3],
    );
    let broken = found.iter().filter(|finding| finding.state == "broken").count();
    let lost = found.iter().any(|finding| finding.state == "lost");
    let mut shown = Shown::new(text, &Answer::Findings(found));
    if broken == 0 && lost {
        let failure = Failure::new(
            Code::Lost,
            "bytes were lost when the server was restored from a backup",
        );
        shown.failure = Some(failure.hint("put the files again, or: crannog verify-store --repair-from DIR"));
    }
    if broken > 0 {
        shown.failure = Some(Failure::new(code, wrong).hint("what is broken is named above"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::{Finding, Status};
    use crannog_agent_api::{Code, Failure};
    use jiff::Timestamp;

    use super::{describe, findings};

    #[test]
    fn states() {
        let mut state = Status {
            version: "0.1.0".into(),
            locked: false,
            account: Some("alice@host:1".into()),
            device: Some("laptop".into()),
            online: true,
            last_heard: Some(5_000),
            behind: 1,
            transfers: 2,
            quota: 1 << 30,
            used: 1 << 20,
            invites: 1,
            alarms: vec![
                Failure::new(Code::VerificationFailed, "two pasts")
                    .object("drive")
                    .check("CHK-013"),
            ],
        };
        let text = describe(&state, Timestamp::from_second(8).unwrap());
        assert_eq!(
            text,
            "agent:      0.1.0\naccount:    alice@host:1\ndevice:     laptop\n\
             server:     online, last heard 3 s ago\nbehind:     1 entry\ntransfers:  2\n\
             invites:    1 waiting: see `crannog invites`\nspace:      1.0 MiB of 1.0 GiB\n\
             ALARM: two pasts: drive (CHK-013)\n"
        );
        state = Status {
            locked: true,
            account: None,
            device: None,
            alarms: Vec::new(),
            ..state
        };
        assert_eq!(describe(&state, Timestamp::UNIX_EPOCH), "agent:  0.1.0, locked\n");
    }

    #[test]
    fn broken_means_failure() {
        let finding = |state: &str| Finding {
            state: state.into(),
            object: "/a".into(),
            text: "x".into(),
        };
        assert!(
            findings(vec![finding("ok"), finding("warning")], Code::Other, "")
                .failure
                .is_none()
        );
        let shown = findings(
            vec![finding("ok"), finding("broken")],
            Code::VerificationFailed,
            "lost",
        );
        assert_eq!(shown.failure.unwrap().code, Code::VerificationFailed);
    }
}
