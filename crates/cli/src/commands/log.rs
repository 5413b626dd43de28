//! log.

use clap::Args;
use crannog_agent_api::answer::LogInfo;
use crannog_agent_api::{Answer, Failure, RemotePath, Request};

use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::{human, person};

/// Show who changed what, newest first
///
/// Who it was is proved by a signature; the time is the one of the author's own clock.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog log\n  crannog log /photos --limit 10\n  crannog log --json")]
pub(crate) struct Log {
    /// At most so many entries
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Only of the drive or share in which this lies [default: everything]
    path: Option<RemotePath>,
}

impl Log {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let request = Request::Log {
            path: self.path,
            limit: self.limit,
        };
        let answer = session.ask(request).await?;
        let Answer::Log(entries) = &answer else {
            return Err(unexpected(&answer));
        };
        Ok(Shown::new(entries.iter().map(one).collect::<String>(), &answer))
    }
}

fn one(entry: &LogInfo) -> String {
    let mut text = format!(
        "{}  {}  {}\n",
        human::time_ms(entry.time),
        line(&entry.drive),
        person::person(&entry.author)
    );
    for change in &entry.changes {
        text.push_str(&format!("    {}\n", line(change)));
    }
    if entry.more > 0 {
        text.push_str(&format!("    and {} more\n", entry.more));
    }
    text
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::{LogInfo, Person};

    use super::one;

    #[test]
    fn entries() {
        let entry = LogInfo {
            drive: "photos".into(),
            journal: "0b".into(),
            seq: 7,
            time: 0,
            author: Person {
                name: "bob".into(),
                account: "07".into(),
                device: "phone".into(),
                me: false,
                verified: true,
            },
            changes: vec!["put a.jpg".into(), "mkdir \x1b[2J".into()],
            more: 3,
        };
        let text = one(&entry);
        let (head, changes) = text.split_once('\n').unwrap();
        assert!(head.ends_with("  photos  bob (verified), phone"), "{head}");
        assert_eq!(changes, "    put a.jpg\n    mkdir \\u{1b}[2J\n    and 3 more\n");
    }
}
