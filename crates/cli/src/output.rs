//! The only module that prints: results to standard output, everything else to standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ErrorKind as ClapError;
use crannog_agent_api::answer::Note;
use crannog_agent_api::{Code, Event, Failure};
use serde_json::{Value, json};

use crate::args::{Global, ProgressStyle};
use crate::progress::Bar;
use crate::sanitise;
use crate::shown::{Remarks, Shown};

/// How this command prints.
#[derive(Debug)]
pub(crate) struct Printer {
    json: bool,
    quiet: bool,
    style: ProgressStyle,
    bar: Option<Bar>,
}

impl Printer {
    /// As the options say.
    pub(crate) fn new(global: &Global) -> Self {
        let style = match global.progress {
            ProgressStyle::Auto if global.quiet || !io::stderr().is_terminal() => ProgressStyle::None,
            style => style,
        };
        Self {
            json: global.json,
            quiet: global.quiet,
            style,
            bar: None,
        }
    }

    /// Something that happens while the work goes on. Words and sheets never come here.
    pub(crate) fn event(&mut self, event: &Event) {
        match (event, self.style) {
            (Event::Sheet { .. } | Event::Recovery(_), _) => {}
            (event, ProgressStyle::Json) => {
                let text = serde_json::to_string(event).unwrap_or_default();
                error(&format!("{}\n", sanitise::json(&text)))
            }
            (Event::Progress(progress), ProgressStyle::Auto) => {
                self.bar.get_or_insert_with(Bar::new).show(progress)
            }
            (Event::Progress(_), ProgressStyle::None) => {}
            (Event::Note(note), _) if !self.quiet && !self.json => self.beside_bar(&note_text(note)),
            (Event::Failed(failure), _) if !self.json => self.beside_bar(&failure_text(failure)),
            (Event::Note(_) | Event::Failed(_) | Event::News(_), _) => {}
        }
    }

    /// The work has ended: no bar stays on the screen.
    pub(crate) fn end_bar(&mut self) {
        self.bar = None;
    }

    /// A line for the person at the terminal.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.beside_bar(text);
        }
    }

    fn beside_bar(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.beside(|| error(text)),
            None => error(text),
        }
    }

    /// The last word of the command.
    pub(crate) fn finish(&mut self, outcome: Result<Shown, Failure>, remarks: &Remarks) -> ExitCode {
        self.end_bar();
        let (shown, failure) = match outcome {
            Ok(mut shown) => {
                let failure = shown.failure.take();
                (shown, failure)
            }
            Err(failure) => (Shown::default(), Some(failure)),
        };
        let printed = if self.json {
            let text = document(&shown, failure.as_ref(), remarks).to_string();
            let text = format!("{}\n", sanitise::json(&text));
            if shown.streamed {
                error(&text);
                Print::Done
            } else {
                print(&text)
            }
        } else {
            let printed = print(&shown.text);
            if let Some(failure) = &failure {
                error(&failure_text(failure));
            }
            printed
        };
        match (printed, failure) {
            (Print::Failed, None) => ExitCode::from(Code::LocalIo.exit()),
            (_, Some(failure)) => ExitCode::from(failure.code.exit()),
            (_, None) => ExitCode::SUCCESS,
        }
    }
}

/// How printing went. A reader that went away (`| head`) is no failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Print {
    Done,
    Failed,
}

fn print(text: &str) -> Print {
    // Not even asked: a thread may be stuck in it, because nobody reads.
    if text.is_empty() {
        return Print::Done;
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(failed) if failed.kind() != ErrorKind::BrokenPipe => {
            error(&format!("crannog: {failed}: standard output\n"));
            Print::Failed
        }
        _ => Print::Done,
    }
}

fn error(text: &str) {
    // There is nowhere left to say that this failed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Something to read before a question.
pub(crate) fn aside(text: &str) {
    error(text);
}

/// A command line that is not understood, or a call for help.
pub(crate) fn usage(wrong: &clap::Error) -> ExitCode {
    match wrong.kind() {
        ClapError::DisplayHelp | ClapError::DisplayVersion => {
            print(&wrong.render().ansi_if(io::stdout().is_terminal()));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    if std::env::args_os().any(|word| word == "--json") {
        let text = wrong.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        let failure =
            Failure::new(Code::Usage, first.strip_prefix("error: ").unwrap_or(first)).hint("crannog help");
        let text = document(&Shown::default(), Some(&failure), &Remarks::default()).to_string();
        print(&format!("{}\n", sanitise::json(&text)));
    } else {
        error(&wrong.render().ansi_if(io::stderr().is_terminal()));
    }
    ExitCode::from(Code::Usage.exit())
}

trait AnsiIf {
    fn ansi_if(&self, terminal: bool) -> String;
}

impl AnsiIf for clap::builder::StyledStr {
    fn ansi_if(&self, terminal: bool) -> String {
        if terminal {
            self.ansi().to_string()
        } else {
            self.to_string()
        }
    }
}

/// The end of a process that was an agent.
pub(crate) fn served(global: &Global, result: Result<(), Failure>) -> ExitCode {
    let outcome = result.map(|()| Shown::default());
    Printer::new(global).finish(outcome, &Remarks::default())
}

/// `crannog: MESSAGE: OBJECT`, `hint: …`, `check: CHK-nnn`.
fn failure_text(failure: &Failure) -> String {
    let mut text = format!("crannog: {}\n", sanitise::line(&failure.to_string()));
    if let Some(hint) = &failure.hint {
        text.push_str(&format!("hint: {}\n", sanitise::line(hint)));
    }
    if let Some(check) = &failure.check {
        text.push_str(&format!("check: {}\n", sanitise::line(check)));
    }
    text
}

fn note_text(note: &Note) -> String {
    format!(
        "note: {}: {}\n",
        sanitise::line(&note.object),
        sanitise::line(&note.text)
    )
}

/// `{"ok":true,"result":…}` or `{"ok":false,"error":…}`; with `notes`, `failed` and a partial `result` when there are any.
fn document(shown: &Shown, failure: Option<&Failure>, remarks: &Remarks) -> Value {
    let mut document = json!({ "ok": failure.is_none() });
    let mut set = |key: &str, value: Value| document[key] = value;
    match failure {
        None => set("result", shown.result.clone()),
        Some(failure) => {
            set("error", json!(failure));
            if !shown.result.is_null() {
                set("result", shown.result.clone());
            }
        }
    }
    if !remarks.failed.is_empty() {
        set("failed", json!(remarks.failed));
    }
    if !remarks.notes.is_empty() {
        set("notes", json!(remarks.notes));
    }
    document
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::{Code, Failure};
    use serde_json::json;

    use super::{document, failure_text};
    use crate::shown::{Remarks, Shown};

    #[test]
    fn failures_for_people() {
        let failure =
            Failure::new(Code::VerificationFailed, "a blob is not what was stored").object("/a\n\x1b[2J");
        let failure = failure.hint("keep the evidence").check("CHK-001");
        assert_eq!(
            failure_text(&failure),
            "crannog: a blob is not what was stored: /a\\n\\u{1b}[2J\nhint: keep the evidence\ncheck: CHK-001\n"
        );
    }

    #[test]
    fn documents() {
        let shown = Shown {
            result: json!([1]),
            ..Shown::default()
        };
        assert_eq!(
            document(&shown, None, &Remarks::default()),
            json!({"ok": true, "result": [1]})
        );
        let failure = Failure::new(Code::NotFound, "no such file").object("/x");
        let remarks = Remarks {
            failed: vec![failure.clone()],
            ..Remarks::default()
        };
        let error = json!({"code": "not_found", "message": "no such file", "object": "/x"});
        assert_eq!(
            document(&Shown::default(), Some(&failure), &remarks),
            json!({"ok": false, "error": error, "failed": [error]})
        );
    }
}
