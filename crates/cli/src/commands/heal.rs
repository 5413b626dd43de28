//! heal.

use std::path::PathBuf;

use clap::Args;
use crannog_agent_api::answer::{Healed, HealedChain, HealedJournal, LostVersion};
use crannog_agent_api::{Answer, Code, Failure, Request, Secret};
use jiff::Timestamp;

use crate::args::DryRun;
use crate::decision::Yes;
use crate::invite::Invitation;
use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::{human, output, password};

/// Give back to a restored server what it lost; asks on a terminal
///
/// After its operator restored a backup, the server shows an older state than this device has read, and drives stop with CHK-012. This
/// gives back, byte for byte, what this device has read or written in the last 30 days, and names the files whose bytes are lost. Devices
/// that came after the backup are let in again. An account that came after it is made again with a new invite. An old state is what a
/// dishonest server would show, too: ask the operator before you say yes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog heal --dry-run
  crannog heal --yes
  crannog heal --invite-file invite.json --yes")]
pub(crate) struct Heal {
    /// What `crannogd invite create --json` printed (`-`: standard input), for an account that was made after the backup
    #[arg(long, value_name = "FILE")]
    invite_file: Option<PathBuf>,
    #[command(flatten)]
    sure: Yes,
    #[command(flatten)]
    try_out: DryRun,
}

impl Heal {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let invite = match &self.invite_file {
            Some(file) => Some(Invitation::parse(&password::read(file)?)?.invite),
            None => None,
        };
        if !self.try_out.dry_run && !self.sure.yes {
            let plan = ask(session, invite.clone(), true).await?;
            output::aside(&text(&plan));
            let question = "Did the operator tell you of this restore, and shall it be given back?";
            self.sure.or_ask(question.to_owned()).await?;
        }
        let healed = ask(session, invite, self.try_out.dry_run).await?;
        let lacking = healed.journals.iter().any(|journal| journal.missing > 0);
        let refused = healed.chains.iter().any(|chain| chain.note.is_some());
        let behind = !healed.dry_run && (lacking || refused);
        let mut shown = Shown::new(text(&healed), &Answer::Healed(healed));
        if behind {
            let failure = Failure::new(
                Code::PartlyDone,
                "this device does not hold all that the server lost",
            );
            shown.failure = Some(failure.hint("run crannog heal on other devices, then here again"));
        }
        Ok(shown)
    }
}

async fn ask(session: &mut Session, invite: Option<Secret>, dry_run: bool) -> Result<Healed, Failure> {
    match session.ask(Request::Heal { invite, dry_run }).await? {
        Answer::Healed(healed) => Ok(healed),
        answer => Err(unexpected(&answer)),
    }
}

fn text(healed: &Healed) -> String {
    let when = Timestamp::from_millisecond(healed.taken).map_or_else(
        |_| "an unknown time".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    );
    let mut text = format!("the server says that it went back to the state of {when}\n");
    if healed.chains.is_empty() && healed.journals.is_empty() {
        text.push_str("it lacks nothing that this device has read\n");
    }
    for chain in &healed.chains {
        text.push_str(&of_chain(chain, healed.dry_run));
    }
    for journal in &healed.journals {
        text.push_str(&of_journal(journal, healed.dry_run));
    }
    for lost in &healed.lost {
        text.push_str(&of_lost(lost));
    }
    if !healed.lost.is_empty() {
        text.push_str("put lost files again, or: crannog verify-store --repair-from DIR (once the server takes changes)\n");
    }
    text
}

fn of_chain(chain: &HealedChain, dry_run: bool) -> String {
    let links = human::count(chain.links, "link");
    let mut text = format!("sigchain of {}: {links} {}", line(&chain.name), done(dry_run));
    if let Some(note) = &chain.note {
        text.push_str(&format!(" ({})", line(note)));
    }
    text.push('\n');
    text
}

fn done(dry_run: bool) -> &'static str {
    if dry_run {
        "would be given back"
    } else {
        "given back"
    }
}

fn of_journal(journal: &HealedJournal, dry_run: bool) -> String {
    let done = done(dry_run);
    let entries = human::count(journal.entries, "entry").replace("entrys", "entries");
    let mut text = format!("{}: {entries} {done}", line(&journal.name));
    if journal.missing > 0 {
        text.push_str(&format!(", {} not held here", journal.missing));
    }
    if let Some(note) = &journal.note {
        text.push_str(&format!(" ({})", line(note)));
    }
    text.push('\n');
    text
}

fn of_lost(lost: &LostVersion) -> String {
    let which = if lost.current { "" } else { ", an old version" };
    let (drive, path, by) = (line(&lost.drive), line(&lost.path), line(&lost.by));
    format!(
        "lost: {drive} {path} ({}, by {by}{which})\n",
        human::size(lost.size)
    )
}
