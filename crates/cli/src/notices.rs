//! Notices on the desktop, by its own program `notify-send`. Whatever is on a command line, every user of the machine can read: no
//! name of anybody or anything is in them.

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
/// Where notices go.
#[derive(Debug)]
pub(crate) struct Notices(mpsc::Sender<String>);

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
            let _ = self.0.try_send(news::discreetly(news));
        }
    }
}

fn desktop() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("DISPLAY") || set("WAYLAND_DISPLAY")
}

async fn show(mut notices: mpsc::Receiver<String>) {
    const PATIENCE: Duration = Duration::from_secs(5);
    while let Some(notice) = notices.recv().await {
        let mut command = Command::new(PROGRAM);
        command
            .args(["--app-name=crannog", "--", "crannog", &notice])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(PATIENCE, command.status()).await {
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
                return warn("there is no program `notify-send`, so no notices are shown");
            }
            Ok(Err(error)) => return warn(&format!("notices are not shown: {error}")),
            Ok(Ok(status)) if !status.success() => {
                return warn("the desktop shows no notices (`notify-send` failed)");
            }
            Ok(Ok(_)) | Err(_) => {}
        }
    }
}

fn warn(text: &str) {
    output::aside(&format!("warning: {text}\n"));
}
