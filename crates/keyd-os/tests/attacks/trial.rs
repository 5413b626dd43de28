//! A process of the trial program, spoken to line by line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use nix::unistd::geteuid;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_keyd-os-trial");

/// A part of the trial program, running. Killed on drop.
pub(crate) struct Trial {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Trial {
    pub(crate) fn start<S: AsRef<str>>(arguments: &[S]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(arguments.iter().map(S::as_ref));
        Self::run(command)
    }

    pub(crate) fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(folder);
        Self::run(command)
    }

    pub(crate) fn run(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self::adopt(command)
    }

    pub(crate) fn adopt(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line; empty when it has ended.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn say(&mut self, words: &str) {
        // Who died already does not listen: what it printed is what counts.
        let _ = writeln!(self.input.as_mut().unwrap(), "{words}");
    }

    pub(crate) fn ask(&mut self, words: &str) -> String {
        self.say(words);
        self.line()
    }

    /// The lines that are left, and how it ended.
    pub(crate) fn end(&mut self) -> (Vec<String>, ExitStatus) {
        self.input = None;
        let mut lines = Vec::new();
        loop {
            match self.line() {
                line if line.is_empty() => break,
                line => lines.push(line),
            }
        }
        (lines, self.child.wait().unwrap())
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the tests run as root; says what is left out if not.
pub(crate) fn root(what: &str) -> bool {
    let root = geteuid().is_root();
    if !root {
        eprintln!("skipped, needs root: {what}");
    }
    root
}
