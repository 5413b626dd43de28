//! transfers list, pause, resume, cancel.

use clap::{Args, Subcommand};
use crannog_agent_api::answer::{Changed, Direction, TransferInfo, TransferState};
use crannog_agent_api::{Answer, Failure, Request};

use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::table::Align::{Left, Right};
use crate::{human, table};

/// See transfers, let them stand still, go on, or end
#[derive(Debug, Args)]
pub(crate) struct Transfers {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(List),
    Pause(Pause),
    Resume(Resume),
    Cancel(Cancel),
}

/// List transfers that run, and those that were cut and can go on
///
/// An unfinished one goes on by the command that began it, or by `transfers resume`. Rates are those of the last ten seconds.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog transfers list\n  crannog transfers list --json")]
struct List {}

/// Let transfers stand still; their commands wait
///
/// What is on the line at this moment still goes through. Nothing that was sent or fetched is lost.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog transfers pause 3\n  crannog transfers pause --all")]
struct Pause {
    #[command(flatten)]
    which: Which,
}

/// Let paused transfers go on, and do the rest of unfinished ones
///
/// The rest of an unfinished one is done here, as by the command that began it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog transfers resume 3\n  crannog transfers resume --all")]
struct Resume {
    #[command(flatten)]
    which: Which,
}

/// End transfers, and forget unfinished ones
///
/// The command of one that runs ends with exit code 12. What was finished stays; of the rest nothing is kept: the same
/// command would begin anew with it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog transfers cancel 3\n  crannog transfers cancel --all")]
struct Cancel {
    #[command(flatten)]
    which: Which,
}

/// Some, or all.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// All there are
    #[arg(long)]
    all: bool,
    /// Numbers of transfers, as `transfers list` shows them
    #[arg(value_name = "ID")]
    ids: Vec<u64>,
}

impl Transfers {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        match self.what {
            What::List(List {}) => show(&session.ask(Request::Transfers).await?),
            What::Pause(Pause { which }) => {
                show(&session.ask(Request::PauseTransfers { ids: which.ids }).await?)
            }
            What::Resume(Resume { which }) => resume(which.ids, session).await,
            What::Cancel(Cancel { which }) => {
                let answer = session.ask(Request::CancelTransfers { ids: which.ids }).await?;
                let text = match all(&answer)? {
                    [] => "no transfers\n".to_owned(),
                    some => format!("{} cancelled\n", human::count(some.len() as u64, "transfer")),
                };
                Ok(Shown::new(text, &answer))
            }
        }
    }
}

async fn resume(ids: Vec<u64>, session: &mut Session) -> Result<Shown, Failure> {
    let answer = session.ask(Request::ResumeTransfers { ids }).await?;
    let cut: Vec<u64> = all(&answer)?
        .iter()
        .filter(|info| info.state == TransferState::Unfinished)
        .map(|info| info.id)
        .collect();
    if cut.is_empty() {
        return show(&answer);
    }
    let mut done = Changed::default();
    for id in cut {
        match session.ask(Request::GoOn { id }).await? {
            Answer::Changed(changed) => add(&mut done, changed),
            other => return Err(unexpected(&other)),
        }
    }
    Shown::changed(&Answer::Changed(done))
}

fn add(all: &mut Changed, more: Changed) {
    all.files += more.files;
    all.folders += more.folders;
    all.unchanged += more.unchanged;
    all.bytes += more.bytes;
    all.failed += more.failed;
    all.plan.extend(more.plan);
}

fn all(answer: &Answer) -> Result<&[TransferInfo], Failure> {
    match answer {
        Answer::Transfers(all) => Ok(all),
        other => Err(unexpected(other)),
    }
}

fn show(answer: &Answer) -> Result<Shown, Failure> {
    let all = all(answer)?;
    if all.is_empty() {
        return Ok(Shown::new("no transfers\n", answer));
    }
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let align = [Right, Left, Left, Right, Right, Left];
    Ok(Shown::new(table::lines(&rows, &align), answer))
}

fn row(info: &TransferInfo) -> Vec<String> {
    let state = match info.state {
        TransferState::Running => "running",
        TransferState::Paused => "paused",
        TransferState::Unfinished => "unfinished",
    };
    let (way, done) = match info.direction {
        Direction::Up => ("up", human::size(info.bytes)),
        Direction::Down => ("down", human::size(info.bytes)),
    };
    let done = match info.bytes_total {
        0 => done,
        total => format!("{done} of {}", human::size(total)),
    };
    let rate = match info.state {
        TransferState::Unfinished => String::new(),
        _ => format!("{}/s", human::size(info.rate)),
    };
    let mut words = vec![info.kind.clone()];
    words.extend(info.from.iter().map(|from| line(from)));
    words.extend(Some(line(&info.to)).filter(|to| !to.is_empty()));
    vec![
        info.id.to_string(),
        state.to_owned(),
        way.to_owned(),
        done,
        rate,
        words.join(" "),
    ]
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::Answer;
    use crannog_agent_api::answer::{Direction, TransferInfo, TransferState};

    use super::show;

    #[test]
    fn a_table() {
        let put = TransferInfo {
            id: 3,
            kind: "put".into(),
            direction: Direction::Up,
            from: vec!["/home/a\u{1b}".into()],
            to: "/x".into(),
            state: TransferState::Running,
            bytes: 1024,
            bytes_total: 4096,
            rate: 2048,
            since: 0,
        };
        let cut = TransferInfo {
            id: 12,
            direction: Direction::Down,
            state: TransferState::Unfinished,
            kind: "get".into(),
            bytes_total: 0,
            ..put.clone()
        };
        let text = |all| show(&Answer::Transfers(all)).unwrap().text;
        assert_eq!(
            text(vec![put, cut]),
            " 3  running     up    1.0 KiB of 4.0 KiB  2.0 KiB/s  put /home/a\\u{1b} /x\n\
             12  unfinished  down             1.0 KiB             get /home/a\\u{1b} /x\n"
        );
        assert_eq!(text(Vec::new()), "no transfers\n");
    }
}
