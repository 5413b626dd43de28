//! watch.

use clap::Args;
use crannog_agent_api::{Event, Failure, RemotePath, Request};
use jiff::tz::TimeZone;

use crate::news::news_line;
use crate::notices::Notices;
use crate::sanitise;
use crate::session::Session;
use crate::shown::Shown;
use crate::stream::Output;
use crate::talk::{Tell, With};

/// Print what happens as it happens, until Ctrl-C
///
/// One line for each thing; with --json one JSON document for each. It ends when the agent is locked (exit code 6) or changes to
/// a newer program (5), and does not keep the agent unlocked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog watch
  crannog watch /photos --notify
  crannog watch --json | while read -r news; do echo \"$news\"; done")]
pub(crate) struct Watch {
    /// Tell of what others do on the desktop too, without names (by `notify-send`)
    #[arg(long)]
    notify: bool,
    /// Only of the drive or share in which this lies [default: everything]
    path: Option<RemotePath>,
}

impl Watch {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        // A watch that was locked is not begun again: who locks wants it to end.
        session.make_ready().await?;
        let with = With {
            output: Some(Output::standard_while_read()),
            tell: Some(teller(session.global.json, self.notify.then(Notices::start))),
            ..With::default()
        };
        let watched = session.ask_with(&Request::Watch { path: self.path }, with).await;
        Ok(Shown {
            streamed: true,
            failure: watched.err(),
            ..Shown::default()
        })
    }
}

/// News as lines; what was missed too where a program reads.
fn teller(json: bool, notices: Option<Notices>) -> Tell {
    Box::new(move |event| {
        if let (Event::News(news), Some(notices)) = (event, &notices) {
            notices.tell(news);
        }
        match event {
            Event::News(_) | Event::Note(_) if json => serde_json::to_string(event)
                .ok()
                .map(|document| format!("{}\n", sanitise::json(&document))),
            Event::News(news) => Some(format!("{}\n", news_line(news, TimeZone::system()))),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::Event;
    use crannog_agent_api::answer::{News, NewsKind, Note, Progress};

    use super::teller;

    #[test]
    fn one_line_each() {
        let news = Event::News(News {
            kind: NewsKind::Invite,
            time: 1,
            drive: None,
            journal: None,
            seq: None,
            author: None,
            changes: vec!["a\nb\x1b".into()],
            more: 0,
            check: None,
        });
        let note = Event::Note(Note {
            object: "5".into(),
            text: "missed".into(),
        });
        let (mut text, mut json) = (teller(false, None), teller(true, None));
        assert!(text(&news).unwrap().ends_with("  a\\nb\\u{1b}\n"));
        // Printed as any note is, to standard error.
        assert_eq!(text(&note), None);
        assert_eq!(
            json(&news).unwrap(),
            "{\"event\":\"news\",\"kind\":\"invite\",\"time\":1,\"changes\":[\"a\\nb\\u001b\"],\"more\":0}\n"
        );
        assert_eq!(
            json(&note).unwrap(),
            "{\"event\":\"note\",\"object\":\"5\",\"text\":\"missed\"}\n"
        );
        assert_eq!(json(&Event::Progress(Progress::default())), None);
    }
}
