//! The only module that prints: results to standard output, everything else to standard error.

use std::cell::Cell;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ErrorKind as ClapError;
use serde::Serialize;

use crate::args::Global;
use crate::failure::{Code, Failure};
use crate::sanitise;

/// How this command prints.
#[derive(Debug)]
pub(crate) struct Printer {
    json: bool,
    quiet: bool,
    /// Whoever read standard output went away, which is no failure (`| head`).
    unread: Cell<bool>,
}

impl Printer {
    /// As the options say.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            quiet: global.quiet,
            unread: Cell::new(false),
        }
    }

    /// Whether programs read this.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person looks at standard error and wants to know more than results.
    pub(crate) fn is_watched(&self) -> bool {
        !self.json && !self.quiet && io::stderr().is_terminal()
    }

    /// A result: whole lines for people, or one object for programs.
    pub(crate) fn result(&self, text: &str, object: &impl Serialize) -> Result<(), Failure> {
        if self.json {
            self.object(object)
        } else {
            self.bytes(text.as_bytes())
        }
    }

    /// A result for programs only.
    pub(crate) fn object(&self, object: &impl Serialize) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, sanitise::Plain);
        let written = object.serialize(&mut serializer).map_err(io::Error::from);
        self.judged(
            written
                .and_then(|()| out.write_all(b"\n"))
                .and_then(|()| out.flush()),
        )
    }

    /// Bytes as they are, such as a plaintext.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        // Not even asked: a thread may be stuck in it, because nobody reads.
        if bytes.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        self.judged(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// What came of writing to standard output elsewhere.
    pub(crate) fn judged(&self, written: io::Result<()>) -> Result<(), Failure> {
        written.map_err(|error| {
            self.unread.set(error.kind() == ErrorKind::BrokenPipe);
            Failure::new(Code::LocalIo, error.to_string()).object("standard output")
        })
    }

    /// A line for the person at the terminal.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet && !self.json {
            error(&format!("{text}\n"));
        }
    }

    /// One of several things failed; the others go on.
    pub(crate) fn failed(&self, failure: &Failure) {
        error(&if self.json {
            failure_json(failure)
        } else {
            failure_text(failure)
        });
    }

    /// The last word of the command.
    pub(crate) fn finish(&self, outcome: Result<(), Failure>) -> ExitCode {
        match outcome {
            Err(_) if self.unread.get() => ExitCode::SUCCESS,
            Err(failure) => {
                self.failed(&failure);
                ExitCode::from(failure.code.exit())
            }
            Ok(()) => ExitCode::SUCCESS,
        }
    }
}

/// Something to read before a question.
pub(crate) fn aside(text: &str) {
    error(text);
}

fn error(text: &str) {
    // There is nowhere left to say that this failed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A command line that is not understood, or a call for help.
pub(crate) fn usage(wrong: &clap::Error) -> ExitCode {
    if let ClapError::DisplayHelp | ClapError::DisplayVersion = wrong.kind() {
        let text = wrong.render();
        let text = match io::stdout().is_terminal() {
            true => text.ansi().to_string(),
            false => text.to_string(),
        };
        // Help that nobody reads is no failure.
        let _ = io::stdout().lock().write_all(text.as_bytes());
        return ExitCode::SUCCESS;
    }
    let text = wrong.render();
    if std::env::args_os().any(|word| word == "--json") {
        let text = text.to_string();
        let first = text.lines().next().unwrap_or_default();
        let message = first.strip_prefix("error: ").unwrap_or(first);
        let failure = Failure::new(Code::Usage, message).hint("crannog-keyd help");
        error(&failure_json(&failure));
    } else if io::stderr().is_terminal() {
        error(&text.ansi().to_string());
    } else {
        error(&text.to_string());
    }
    ExitCode::from(Code::Usage.exit())
}

/// `error: MESSAGE: OBJECT`, `check: KEY-nnn`, `hint: …`.
fn failure_text(failure: &Failure) -> String {
    let mut text = format!("error: {}\n", sanitise::line(&failure.to_string()));
    if let Some(check) = &failure.check {
        text.push_str(&format!("check: {}\n", sanitise::line(check)));
    }
    if let Some(hint) = &failure.hint {
        text.push_str(&format!("hint: {}\n", sanitise::line(hint)));
    }
    text
}

fn failure_json(failure: &Failure) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        error: &'a Failure,
    }
    // Texts only: there is nothing in it that cannot be written.
    let document = serde_json::to_string(&Document { error: failure }).unwrap_or_default();
    format!("{}\n", sanitise::json(&document))
}

#[cfg(test)]
mod tests {
    use super::{failure_json, failure_text};
    use crate::failure::{Code, Failure};

    #[test]
    fn failures_for_people_and_programs() {
        let failure = Failure::new(Code::VerificationFailed, "KEY-011: the log was changed")
            .object("a\n\x1b[2J\u{202e}")
            .hint("keep it");
        assert_eq!(
            failure_text(&failure),
            "error: the log was changed: a\\n\\u{1b}[2J\\u{202e}\ncheck: KEY-011\nhint: keep it\n"
        );
        let json = failure_json(&failure);
        assert!(json.is_ascii() && json.ends_with("}\n"));
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            read,
            serde_json::json!({"error": {
                "code": "verification_failed", "message": "the log was changed", "object": "a\n\x1b[2J\u{202e}",
                "check": "KEY-011", "hint": "keep it",
            }})
        );
    }
}
