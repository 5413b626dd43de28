//! The twelve words: kept in a file, or shown and asked back. Nothing is registered before they are safe.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crannog_agent_api::{Code, Failure, Secret};
use zeroize::Zeroizing;

use crate::{ask, local_path};

const ASKED_BACK: usize = 3;
const TRIES: u32 = 3;

/// Where words and sheet go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keep {
    words: Option<PathBuf>,
    sheet: Option<PathBuf>,
    /// What was written, here and not by anybody else.
    written: Arc<Mutex<Vec<PathBuf>>>,
}

impl Keep {
    /// In these files, or in none.
    pub(crate) fn new(words: Option<PathBuf>, sheet: Option<PathBuf>) -> Self {
        Self {
            words,
            sheet,
            written: Arc::default(),
        }
    }

    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.words.iter().chain(&self.sheet)
    }

    /// Finds out beforehand whether it will be possible.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if let Some(taken) = self.files().find(|path| path.symlink_metadata().is_ok()) {
            return Err(exists(taken));
        }
        if self.files().next().is_none() && !ask::is_possible() {
            let failure = Failure::new(Code::Usage, "there is no terminal to show the twelve words on");
            return Err(failure.hint(
                "give --words-file FILE; keep that file where a thief of this device does not find it",
            ));
        }
        Ok(())
    }

    /// Writes them, or shows them and asks some back. What was written of words that could not be kept is removed.
    pub(crate) fn keep(&self, words: &Secret, sheet: &Secret) -> Result<(), Failure> {
        if self.files().next().is_none() {
            return show(words, sheet);
        }
        let texts = [(&self.words, words), (&self.sheet, sheet)];
        let kept = texts
            .into_iter()
            .filter_map(|(path, text)| Some((path.as_ref()?, text)))
            .try_for_each(|(path, text)| self.write(path, text));
        if kept.is_err() {
            self.forget();
        }
        kept
    }

    fn write(&self, path: &Path, text: &Secret) -> Result<(), Failure> {
        write(path, text)?;
        self.written().push(path.to_owned());
        Ok(())
    }

    /// The account was surely not made: these words belong to nobody.
    pub(crate) fn forget(&self) {
        for path in self.written().drain(..) {
            let _ = std::fs::remove_file(path);
        }
    }

    fn written(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a file for its owner alone, and is back when it is on the disk. Replaces nothing.
fn write(path: &Path, text: &Secret) -> Result<(), Failure> {
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let text = Zeroizing::new(format!("{}\n", text.0.trim_end()));
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    };
    written().map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(path),
        _ => {
            // Half of it, if anything: a disk that is full.
            let _ = std::fs::remove_file(path);
            local_path::local(path, &error)
        }
    })
}

fn exists(path: &Path) -> Failure {
    let failure = Failure::new(
        Code::Conflict,
        "this file exists already, and words are never written over anything",
    );
    failure
        .object(path.display().to_string())
        .hint("name another file")
}

fn show(words: &Secret, sheet: &Secret) -> Result<(), Failure> {
    let all: Vec<&str> = words.0.split_whitespace().collect();
    let mut text = Zeroizing::new(String::with_capacity(4096));
    text.push_str("\nThese words are the only way back into the account. Write them on paper now.\n\n");
    for (at, word) in all.iter().enumerate() {
        text.push_str(&format!("  {:>2}. {word}\n", at + 1));
    }
    text.push_str(&format!(
        "\nThe whole sheet, for those who can print or copy it:\n\n{}\n\n",
        sheet.0.trim_end()
    ));
    let shown = io::stderr().lock().write_all(text.as_bytes());
    shown.map_err(|error| local_path::local("the terminal", &error))?;
    let mut places = some_of(all.len(), ASKED_BACK, RandomState::new().hash_one(0));
    places.sort_unstable();
    for at in places {
        let right = all.get(at).copied().unwrap_or_default();
        let mut tries = 0;
        while ask::line(&format!("Word {}:", at + 1))?.to_lowercase() != right {
            tries += 1;
            if tries == TRIES {
                let failure = Failure::new(Code::Usage, "this is not the word that was shown");
                return Err(failure.hint("nothing was registered; begin again"));
            }
        }
    }
    Ok(())
}

/// `count` different numbers below `of`.
fn some_of(of: usize, count: usize, mut seed: u64) -> Vec<usize> {
    let mut left: Vec<usize> = (0..of).collect();
    let mut taken = Vec::new();
    while taken.len() < count && !left.is_empty() {
        let below = left.len() as u64;
        let at = usize::try_from(seed % below).unwrap_or_default();
        taken.push(left.swap_remove(at));
        seed /= below;
    }
    taken
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use crannog_agent_api::{Code, Secret};

    use super::{Keep, some_of};

    #[test]
    fn files_are_private_and_never_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let keep = Keep::new(
            Some(scratch.path().join("words")),
            Some(scratch.path().join("sheet")),
        );
        let (words, sheet) = (
            Secret::new("one two".into()),
            Secret::new("sheet\nwords: one two\n".into()),
        );
        keep.check().unwrap();
        keep.keep(&words, &sheet).unwrap();
        for path in keep.files() {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(
            std::fs::read_to_string(scratch.path().join("words")).unwrap(),
            "one two\n"
        );
        assert_eq!(
            std::fs::read_to_string(scratch.path().join("sheet")).unwrap(),
            "sheet\nwords: one two\n"
        );
        assert_eq!(keep.check().unwrap_err().code, Code::Conflict);
        assert_eq!(keep.keep(&words, &sheet).unwrap_err().code, Code::Conflict);
        keep.forget();
        keep.check().unwrap();
    }

    #[test]
    fn only_what_was_written_here_is_forgotten() {
        let scratch = tempfile::tempdir().unwrap();
        let (words, sheet) = (scratch.path().join("words"), scratch.path().join("sheet"));
        let keep = Keep::new(Some(words.clone()), Some(sheet.clone()));
        std::fs::write(&sheet, "mine").unwrap();
        let text = Secret::new("one two".into());
        assert_eq!(keep.keep(&text, &text).unwrap_err().code, Code::Conflict);
        assert!(!words.exists());
        keep.forget();
        assert_eq!(std::fs::read_to_string(&sheet).unwrap(), "mine");
    }

    #[test]
    fn different_places() {
        for seed in [0, 1, 77, u64::MAX] {
            let mut some = some_of(12, 3, seed);
            some.sort_unstable();
            some.dedup();
            assert!(some.len() == 3 && some.iter().all(|at| *at < 12));
        }
        assert_eq!(some_of(2, 3, 5).len(), 2);
    }
}
