//! Questions to the person at the terminal.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal};

use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::failure::{Code, Failure};
use crate::output;

/// Asks before something that cannot be undone, unless `yes` was said beforehand.
pub(crate) async fn confirm(question: String, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::new(
            Code::Usage,
            "this cannot be undone, and there is no terminal to ask at",
        )
        .hint("give --yes"));
    }
    let answer = apart(move || {
        output::aside(&format!("{question} [y/N] "));
        let mut answer = String::new();
        io::stdin()
            .lock()
            .read_line(&mut answer)
            .map_err(|error| terminal(&error))?;
        Ok(answer.trim().to_lowercase())
    });
    match answer.await?.as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(Code::Interrupted, "nothing was changed")),
    }
}

/// A line that is not shown, from the terminal itself, even when standard input is a file.
pub(crate) async fn secret(question: &'static str) -> Result<Zeroizing<String>, Failure> {
    let answer = apart(move || {
        rpassword::prompt_password(format!("{question}: "))
            .map(Zeroizing::new)
            .map_err(|error| terminal(&error))
    });
    answer.await
}

/// Runs a question on a thread of its own. When the command is broken off meanwhile, the terminal is left as it was.
async fn apart<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let _terminal = Terminal::now();
    let answer = spawn_blocking(question).await;
    answer.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "the question ended by a bug")))
}

/// How the terminal was; again so on drop.
struct Terminal(Option<(File, Termios)>);

impl Terminal {
    fn now() -> Self {
        let tty = File::open("/dev/tty").ok();
        Self(tty.and_then(|tty| tcgetattr(&tty).ok().map(|state| (tty, state))))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some((tty, state)) = &self.0 {
            let _ = tcsetattr(tty, SetArg::TCSANOW, state);
        }
    }
}

fn terminal(error: &io::Error) -> Failure {
    Failure::new(Code::LocalIo, error.to_string()).object("the terminal")
}
