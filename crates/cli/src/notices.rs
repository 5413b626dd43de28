//! Notices on the desktop, by its own program `notify-send`. Others' texts are words in them, never markup.

use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use crannog_agent_api::answer::News;
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::{news, output};

const PROGRAM: &str = "notify-send";
/// So many wait for the desktop; more are left out, standard output has them.
const WAITING: usize = 8;
/// Of each text so many characters are shown.
const LONGEST: usize = 200;

/// Where notices go.
#[derive(Debug)]
pub(crate) struct Notices(mpsc::Sender<Notice>);

#[derive(Debug, PartialEq, Eq)]
struct Notice {
    summary: String,
    body: String,
}

impl Notices {
    /// From now on. Without a desktop there is one warning, and nothing else.
    pub(crate) fn start() -> Self {
        let (send, receive) = mpsc::channel(WAITING);
        if desktop() {
            tokio::spawn(show(receive));
        } else {
            warn("there is no desktop here to show notices on");
        }
        Self(send)
    }

    /// Shows it, if it is about somebody else.
    pub(crate) fn tell(&self, news: &News) {
        if news::is_worth_a_notice(news) {
            // A desktop that does not keep up, or is not there, keeps nobody waiting.
            let _ = self.0.try_send(notice(news));
        }
    }
}

fn desktop() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("DISPLAY") || set("WAYLAND_DISPLAY")
}

fn notice(news: &News) -> Notice {
    Notice {
        summary: shortened(&news::headline(news)),
        body: literal(&shortened(&news::what(news))),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A desktop reads a notice's body as markup, and before it `notify-send` reads backslashes.
fn literal(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

async fn show(mut notices: mpsc::Receiver<Notice>) {
    const PATIENCE: Duration = Duration::from_secs(5);
    while let Some(notice) = notices.recv().await {
        let mut command = Command::new(PROGRAM);
        command
            .args(["--app-name=crannog", "--", &notice.summary, &notice.body])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(PATIENCE, command.status()).await {
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
                return warn("there is no program `notify-send`, so no notices are shown");
            }
            Ok(Err(error)) => return warn(&format!("notices are not shown: {error}")),
            Ok(Ok(_)) | Err(_) => {}
        }
    }
}

fn warn(text: &str) {
    output::aside(&format!("warning: {text}\n"));
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::{News, NewsKind};

    use super::{LONGEST, Notice, notice};

    #[test]
    fn texts_of_others_are_no_markup() {
        let news = News {
            kind: NewsKind::Change,
            time: 0,
            drive: Some("-x <b>".into()),
            author: None,
            changes: vec![r"put <a href='x'>&\074b\076".into(), "put a\nb".into()],
            more: 0,
            check: None,
        };
        let expected = Notice {
            // Nobody reads the summary as markup.
            summary: "-x <b>".into(),
            body: r"put &lt;a href='x'&gt;&amp;\\074b\\076, put a\\nb".into(),
        };
        assert_eq!(notice(&news), expected);
        let long = notice(&News {
            changes: vec!["é".repeat(1000)],
            ..news
        });
        assert_eq!(long.body.chars().count(), LONGEST + 1);
    }
}
