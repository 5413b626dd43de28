//! Where an agent listens: a short hashed name in the runtime directory, because a socket's path has at most 108 bytes.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use data_encoding::BASE32_NOPAD;
use nix::unistd::geteuid;

use crate::{Failure, home};

/// `sun_path` with its NUL.
const LONGEST: usize = 107;

/// Makes the runtime folder of this user, checks that nobody else can enter it, and names the socket of the profile in it.
/// Commands do not compute this: the agent writes it down in the profile (see [`crate::lock_file`]).
pub fn choose(profile: &Path) -> Result<PathBuf, Failure> {
    let path = name(profile, std::env::var_os("XDG_RUNTIME_DIR"), geteuid().as_raw());
    let folder = path.parent().unwrap_or(&path);
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(home::local(folder, &error)),
    }
    // Anyone may make a link in /tmp: only a folder will do.
    if std::fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_symlink()) {
        return Err(home::local(
            folder,
            &std::io::Error::from(std::io::ErrorKind::NotADirectory),
        ));
    }
    home::private(folder)?;
    Ok(path)
}

fn name(profile: &Path, runtime: Option<OsString>, user: u32) -> PathBuf {
    let hash = blake3::hash(profile.as_os_str().as_bytes());
    let short = hash
        .as_bytes()
        .first_chunk::<10>()
        .map(|bytes| BASE32_NOPAD.encode(bytes).to_lowercase());
    let file = format!("{}.sock", short.unwrap_or_default());
    let usual = runtime
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute() && folder.is_dir());
    let usual = usual.map(|folder| folder.join("crannog").join(&file));
    usual
        .filter(|path| path.as_os_str().len() <= LONGEST)
        .unwrap_or_else(|| PathBuf::from(format!("/tmp/crannog-{user}")).join(&file))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{LONGEST, name};

    #[test]
    fn short_and_apart() {
        let scratch = tempfile::tempdir().unwrap();
        let runtime = Some(scratch.path().as_os_str().to_owned());
        let long = format!("/home/{}", "x".repeat(300));
        let path = name(Path::new(&long), runtime.clone(), 7);
        assert!(path.starts_with(scratch.path().join("crannog")) && path.as_os_str().len() <= LONGEST);
        assert_ne!(path, name(Path::new("/home/x"), runtime.clone(), 7));
        assert_eq!(path, name(Path::new(&long), runtime, 7));
    }

    #[test]
    fn without_a_runtime_directory() {
        for runtime in [None, Some("relative".into()), Some("/does/not/exist".into())] {
            assert!(name(Path::new("/h"), runtime, 7).starts_with("/tmp/crannog-7"));
        }
    }
}
