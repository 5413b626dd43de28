//! The folder of an export: new, or one that this account began; what is written there beside the drives.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crannog_agent_api::{Code, Failure};
use crannog_proto::AccountId;

use crate::error::{Error, Result};
use crate::transfer::local_folder;

/// Tells an export from any other folder.
const MARK: &str = ".crannog-export";
/// Nobody else looks into it.
const UMASK: u32 = 0o077;

/// Where an export goes.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) top: PathBuf,
    dry_run: bool,
}

impl Place {
    /// Refuses what is not ours. Makes the folder, but for a dry run.
    pub(super) fn take(top: &Path, account: &AccountId, dry_run: bool) -> Result<Self> {
        let mark = top.join(MARK);
        let text = format!("crannog export 1\naccount: {account}\n");
        let place = Self {
            top: top.to_owned(),
            dry_run,
        };
        match fs::symlink_metadata(top) {
            Ok(metadata) if !metadata.is_dir() => return Err(foreign(top, "this is no folder")),
            Ok(_) => match fs::read_to_string(&mark) {
                Ok(found) if found == text => return Ok(place),
                Ok(_) => return Err(foreign(top, "this is an export of another account")),
                Err(_) => {
                    let mut entries = fs::read_dir(top).map_err(|error| Error::io(top, error))?;
                    if entries.next().is_some() {
                        return Err(foreign(top, "this folder is not empty, and no export"));
                    }
                }
            },
            Err(_) if dry_run => return Ok(place),
            Err(_) => drop(local_folder(top, UMASK)?),
        }
        if !dry_run {
            place.write(MARK, text.as_bytes())?;
        }
        Ok(place)
    }

    /// A folder below the top.
    pub(super) fn folder(&self, names: &[&str]) -> Result<PathBuf> {
        let mut path = self.top.clone();
        for name in names {
            path.push(name);
            if !self.dry_run {
                local_folder(&path, UMASK)?;
            }
        }
        Ok(path)
    }

    /// A file of ours: whole, or as it was before.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        let (path, new) = (self.top.join(name), self.top.join(format!(".{name}.new")));
        let _ = fs::remove_file(&new);
        let written = || {
            let mut options = fs::File::options();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        written().map_err(|error| {
            let _ = fs::remove_file(&new);
            Error::io(&path, error)
        })
    }
}

fn foreign(top: &Path, message: &str) -> Error {
    Failure::new(Code::Conflict, message)
        .object(top.display().to_string())
        .hint("name a folder that is not there yet, is empty, or has an export of this account")
        .into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use crannog_proto::AccountId;

    use super::Place;

    #[test]
    fn only_what_is_ours_is_taken() {
        let scratch = tempfile::tempdir().unwrap();
        let (top, mine) = (scratch.path().join("x"), AccountId::ZERO);
        Place::take(&top, &mine, true).unwrap();
        assert!(!top.exists());
        let place = Place::take(&top, &mine, false).unwrap();
        place.write("a.json", b"1").unwrap();
        place.write("a.json", b"2").unwrap();
        place.folder(&["drives", "files"]).unwrap();
        assert_eq!(fs::read(top.join("a.json")).unwrap(), b"2");
        for (name, mode) in [("", 0o700), ("a.json", 0o600), ("drives/files", 0o700)] {
            let found = top.join(name).metadata().unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{name}");
        }
        Place::take(&top, &mine, false).unwrap();
        assert!(Place::take(&top, &AccountId([1; 32]), false).is_err());
        let other = scratch.path().join("y");
        fs::create_dir(&other).unwrap();
        Place::take(&other, &mine, true).unwrap();
        fs::write(other.join("z"), "").unwrap();
        assert!(Place::take(&other, &mine, false).is_err());
        assert!(Place::take(&other.join("z"), &mine, false).is_err());
        std::os::unix::fs::symlink(&top, scratch.path().join("link")).unwrap();
        assert!(Place::take(&scratch.path().join("link"), &mine, false).is_err());
    }
}
