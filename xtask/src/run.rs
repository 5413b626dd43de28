//! Running other programs: each is shown before it runs, and named when it fails.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use crate::Outcome;

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    let quoted = |text: &OsStr| {
        let text = text.to_string_lossy().into_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            text
        } else {
            format!("'{text}'")
        }
    };
    let mut words = vec![quoted(command.get_program())];
    words.extend(command.get_args().map(quoted));
    words.join(" ")
}

/// Runs it with our own input and output.
pub fn run(command: &mut Command) -> Outcome {
    eprintln!("$ {}", shown(command));
    quietly(command)
}

/// Runs it without showing it first.
pub fn quietly(command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", shown(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} ended with {status}", shown(command)).into())
    }
}

/// Runs it and gives back what it said on standard output; its errors are part of ours.
pub fn capture(command: &mut Command) -> Outcome<String> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!(
        "{} ended with {}\n{}",
        shown(command),
        output.status,
        said.trim_end()
    )
    .into())
}

/// Runs it, whatever its exit code.
pub fn output(command: &mut Command) -> Outcome<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", shown(command)).into())
}

/// Is there a program of this name?
pub fn exists(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else {
        return false;
    };
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Runs a test runner: its output goes through, its closing lines are kept in `closing`.
pub fn tests(command: &mut Command, closing: &Mutex<Vec<String>>) -> Outcome {
    eprintln!("$ {}", shown(command));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", shown(command)))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| pass_on(stdout, &mut std::io::stdout(), closing));
        scope.spawn(|| pass_on(stderr, &mut std::io::stderr(), closing));
    });
    let status = child.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} ended with {status}", shown(command)).into())
    }
}

fn pass_on(from: Option<impl Read>, to: &mut impl Write, closing: &Mutex<Vec<String>>) {
    let Some(from) = from else { return };
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        // A closed output must not stop the tests.
        let _ = writeln!(to, "{line}");
        if let Ok(mut closing) = closing.lock()
            && (line.starts_with("test result: ") || line.trim_start().starts_with("Summary ["))
        {
            closing.push(line.trim().to_owned());
        }
    }
}

/// How many tests a closing line of cargo test or nextest counts: passed, failed, skipped.
pub fn counts(line: &str) -> (u64, u64, u64) {
    let before = |word: &str| {
        let words: Vec<&str> = line
            .split([' ', ',', ';', ':', '('])
            .filter(|word| !word.is_empty())
            .collect();
        let at = words.iter().position(|found| *found == word)?;
        words.get(at.checked_sub(1)?)?.parse::<u64>().ok()
    };
    let number = |word: &str| before(word).unwrap_or(0);
    (
        number("passed"),
        number("failed") + number("timed"),
        number("skipped") + number("ignored"),
    )
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn closing_lines_are_counted() {
        let nextest = "Summary [   1.234s] 12 tests run: 10 passed (1 slow), 2 failed, 3 skipped";
        assert_eq!(counts(nextest), (10, 2, 3));
        let cargo =
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(counts(cargo), (5, 0, 1));
    }
}
