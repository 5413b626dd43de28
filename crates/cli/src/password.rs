//! Where a password comes from: a file, or the terminal. Never the command line, which everyone on the machine can read.

use std::io::Read;
use std::path::{Path, PathBuf};

use crannog_agent_api::{Code, Failure, Secret};
use zeroize::Zeroizing;

use crate::{ask, local_path};

const LONGEST: u64 = 64 * 1024;

/// The secret in a file (`-`: standard input), without the newline at its end.
pub(crate) fn from_file(path: &Path) -> Result<Secret, Failure> {
    let text = read(path)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(Failure::new(Code::Usage, "this file is empty").object(path.display().to_string()));
    }
    Ok(Secret::new(line.to_owned()))
}

/// A short text file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: &std::io::Error| local_path::local(path, error);
    // Capacity beforehand: a growing buffer would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(4096));
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(path)
            .map_err(|error| failed(&error))?
            .take(LONGEST)
            .read_to_string(&mut text)
    };
    read.map_err(|error| failed(&error))?;
    Ok(text)
}

/// This device's password; `None` when there is no way to get it.
pub(crate) async fn current(file: Option<&PathBuf>) -> Result<Option<Secret>, Failure> {
    match file {
        Some(file) => from_file(file).map(Some),
        None if ask::secret_is_possible() => ask::apart(|| ask::secret("Password")).await.map(Some),
        None => Ok(None),
    }
}

/// A password that did not exist before.
pub(crate) async fn new(file: Option<&PathBuf>, option: &str) -> Result<Secret, Failure> {
    if let Some(file) = file {
        return from_file(file);
    }
    if !ask::secret_is_possible() {
        let failure = Failure::new(
            Code::Usage,
            "a password is needed, and there is no terminal to ask for it",
        );
        return Err(failure.hint(format!(
            "put it into a file that only you can read, and give {option} FILE"
        )));
    }
    ask::apart(|| {
        let first = ask::secret("New password for this device")?;
        if first.0.is_empty() {
            return Err(Failure::new(Code::Usage, "an empty password protects nothing"));
        }
        let again = ask::secret("Once more")?;
        if *first.0 != *again.0 {
            return Err(Failure::new(Code::Usage, "the two passwords differ"));
        }
        Ok(first)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::from_file;

    #[test]
    fn one_newline_at_the_end_is_not_part_of_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("password");
        for (text, password) in [
            ("a b", "a b"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            (" ü ", " ü "),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(*from_file(&path).unwrap().0, password);
        }
        std::fs::write(&path, "\n").unwrap();
        assert!(from_file(&path).is_err());
        assert!(from_file(&scratch.path().join("missing")).is_err());
    }
}
