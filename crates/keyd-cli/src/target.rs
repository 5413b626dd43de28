//! Where a result goes: standard output, or a file that gets its name only when it is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::{Code, Failure};

/// A file of mode 0600 beside its final place. Without [`keep`](Self::keep) nothing of it stays.
#[derive(Debug)]
pub(crate) struct NewFile {
    temporary: NamedTempFile,
    path: PathBuf,
    force: bool,
}

impl NewFile {
    /// Refuses what is there already, unless `force`; what is no regular file in any case.
    pub(crate) fn create(path: &Path, force: bool) -> Result<Self, Failure> {
        let failed = |error: &io::Error| Failure::io(path, error);
        let path = match fs::metadata(path) {
            Ok(facts) if !facts.is_file() => {
                return Err(Failure::new(Code::Usage, "this is not a regular file")
                    .object(path.display().to_string())
                    .hint("give - for standard output"));
            }
            Ok(_) if !force => return Err(exists(path)),
            // What a link leads to is replaced, not the link.
            Ok(_) => path.canonicalize().map_err(|error| failed(&error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(failed(&error)),
        };
        let folder = folder(&path);
        let temporary = tempfile::Builder::new()
            .prefix(".crannog-keyd-")
            .tempfile_in(folder);
        Ok(Self {
            temporary: temporary.map_err(|error| failed(&error))?,
            path,
            force,
        })
    }

    /// Writes to it from another thread.
    pub(crate) fn writer(&self) -> Result<File, Failure> {
        let file = self.temporary.as_file();
        file.try_clone().map_err(|error| Failure::io(&self.path, &error))
    }

    /// It is whole: synced, and only then under its name.
    pub(crate) fn keep(self) -> Result<(), Failure> {
        let failed = |error: &io::Error| Failure::io(&self.path, error);
        self.temporary
            .as_file()
            .sync_all()
            .map_err(|error| failed(&error))?;
        let kept = if self.force {
            self.temporary.persist(&self.path)
        } else {
            self.temporary.persist_noclobber(&self.path)
        };
        if let Err(error) = kept {
            return Err(match error.error.kind() {
                io::ErrorKind::AlreadyExists => exists(&self.path),
                _ => failed(&error.error),
            });
        }
        let synced = File::open(folder(&self.path)).and_then(|folder| folder.sync_all());
        synced.map_err(|error| failed(&error))
    }

    /// A short file at once.
    pub(crate) fn write(path: &Path, force: bool, bytes: &[u8]) -> Result<(), Failure> {
        let mut new = Self::create(path, force)?;
        let written = new.temporary.write_all(bytes);
        written.map_err(|error| Failure::io(path, &error))?;
        new.keep()
    }
}

fn exists(path: &Path) -> Failure {
    Failure::new(Code::Conflict, "this file exists already")
        .object(path.display().to_string())
        .hint("give --force to replace it")
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::Path;

    use super::NewFile;
    use crate::failure::Code;

    #[test]
    fn files_are_private_whole_and_never_replaced_unasked() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("out");
        NewFile::write(&path, false, b"first").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            NewFile::write(&path, false, b"second").unwrap_err().code,
            Code::Conflict
        );
        assert_eq!(fs::read(&path).unwrap(), b"first");

        let link = scratch.path().join("link");
        symlink(&path, &link).unwrap();
        NewFile::write(&link, true, b"third").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            NewFile::write(Path::new("/dev/null"), true, b"x")
                .unwrap_err()
                .code,
            Code::Usage
        );
    }

    #[test]
    fn what_was_given_up_or_came_late_leaves_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("out");
        drop(NewFile::create(&path, false).unwrap());
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
        let late = NewFile::create(&path, false).unwrap();
        fs::write(&path, "came between").unwrap();
        assert_eq!(late.keep().unwrap_err().code, Code::Conflict);
        assert_eq!(fs::read(&path).unwrap(), b"came between");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
