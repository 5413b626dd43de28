//! Where a profile lives: `CRANNOG_HOME`, else `$XDG_DATA_HOME/crannog`, else `~/.local/share/crannog`.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::{Code, Failure};

/// The variable that names a profile's folder.
pub const VARIABLE: &str = "CRANNOG_HOME";

/// The profile's folder as the environment says. It need not exist.
pub fn locate() -> Result<PathBuf, Failure> {
    let found = choose(
        std::env::var_os(VARIABLE),
        std::env::var_os("XDG_DATA_HOME"),
        std::env::var_os("HOME"),
    );
    let found = found.ok_or_else(|| {
        Failure::new(Code::Usage, "no home directory is known")
            .hint("set CRANNOG_HOME to a folder of your own")
    })?;
    std::path::absolute(&found).map_err(|error| local(&found, &error))
}

fn choose(own: Option<OsString>, data: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let set = |value: Option<OsString>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG specification has relative paths ignored.
    let data = set(data)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(set(home)?.join(".local/share")));
    set(own).or_else(|| Some(data?.join("crannog")))
}

/// Makes the folder if need be, for its owner alone. Refuses one that belongs to, or can be entered by, anyone else.
pub fn make(home: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(home)
        .map_err(|error| local(home, &error))?;
    private(home)
}

/// A folder of ours that nobody else can enter.
pub(crate) fn private(folder: &Path) -> Result<(), Failure> {
    let meta = std::fs::symlink_metadata(folder).map_err(|error| local(folder, &error))?;
    // A link to a folder of ours is fine for CRANNOG_HOME.
    let meta = if meta.is_symlink() {
        std::fs::metadata(folder).map_err(|error| local(folder, &error))?
    } else {
        meta
    };
    let wrong = if !meta.is_dir() {
        "this is no folder"
    } else if meta.uid() != geteuid().as_raw() {
        "this folder belongs to another user"
    } else if meta.mode() & 0o077 != 0 {
        "others can enter this folder"
    } else {
        return Ok(());
    };
    let failure = Failure::new(Code::LocalIo, wrong).object(folder.display().to_string());
    Err(failure.hint(format!(
        "use a folder of your own with mode 0700: chmod 700 {}",
        folder.display()
    )))
}

/// The local disk refused.
pub(crate) fn local(object: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::LocalIo, error.to_string()).object(object.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::{choose, make};

    #[test]
    fn order() {
        let chosen = |own: &str, data: &str, home: &str| {
            choose(Some(own.into()), Some(data.into()), Some(home.into()))
        };
        assert_eq!(chosen("/c", "/d", "/h"), Some(PathBuf::from("/c")));
        assert_eq!(chosen("", "/d", "/h"), Some(PathBuf::from("/d/crannog")));
        assert_eq!(
            chosen("", "d", "/h"),
            Some(PathBuf::from("/h/.local/share/crannog"))
        );
        assert_eq!(chosen("", "", ""), None);
    }

    #[test]
    fn others_stay_out() {
        let scratch = tempfile::tempdir().unwrap();
        let home = scratch.path().join("a/b");
        make(&home).unwrap();
        assert_eq!(
            std::fs::metadata(&home).unwrap().permissions().mode() & 0o777,
            0o700
        );
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o750)).unwrap();
        assert!(make(&home).is_err());
    }
}
