//! Questions to the person at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use crannog_agent_api::{Code, Failure, Secret};
use nix::sys::termios::{SetArg, tcgetattr, tcsetattr};

/// Someone sits there and can answer.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// A line that may be seen while it is typed.
pub(crate) fn line(question: &str) -> Result<String, Failure> {
    let mut answer = String::new();
    let read = write!(io::stderr(), "{question} ").and_then(|()| io::stdin().lock().read_line(&mut answer));
    match read.map_err(|error| terminal(&error))? {
        0 => Err(Failure::new(Code::Interrupted, "no answer")),
        _ => Ok(answer.trim().to_owned()),
    }
}

/// Yes, or everything else.
pub(crate) fn yes(question: &str) -> Result<bool, Failure> {
    let answer = line(&format!("{question} [y/N]"))?;
    Ok(["y", "yes"].contains(&answer.to_lowercase().as_str()))
}

/// A line that is not shown, from the terminal itself, even when standard input is a file.
pub(crate) fn secret(question: &str) -> Result<Secret, Failure> {
    rpassword::prompt_password(format!("{question}: "))
        .map(Secret::new)
        .map_err(|error| terminal(&error))
}

/// Is there a terminal for [`secret`]?
pub(crate) fn secret_is_possible() -> bool {
    io::stderr().is_terminal() && std::fs::File::open("/dev/tty").is_ok()
}

/// Runs a question so that Ctrl-C ends it, and leaves the terminal as it was.
pub(crate) async fn apart<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let tty = std::fs::File::open("/dev/tty").ok();
    let before = tty.as_ref().and_then(|tty| tcgetattr(tty).ok());
    tokio::select! {
        answer = tokio::task::spawn_blocking(question) => {
            answer.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "the question ended by a bug")))
        }
        _ = tokio::signal::ctrl_c() => {
            if let (Some(tty), Some(before)) = (tty, before) {
                let _ = tcsetattr(&tty, SetArg::TCSANOW, &before);
            }
            Err(Failure::new(Code::Interrupted, "interrupted"))
        }
    }
}

fn terminal(error: &io::Error) -> Failure {
    Failure::new(Code::LocalIo, error.to_string()).object("the terminal")
}
