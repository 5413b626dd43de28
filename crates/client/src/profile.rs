//! The profile's folder: `state.db`, and `key`, the database's key under the password.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crannog_agent_api::{Code, Failure, Secret};
use crannog_seal::password::{self, KdfParams, LocalDatabaseKey, PasswordError};

use crate::error::{Error, Result};

/// Where the local database's key comes from. The password is one source; the key service and the system's store will be others.
pub(crate) trait KeySource: Send {
    /// The key. Blocking.
    fn key(&self, profile: &Path) -> Result<LocalDatabaseKey>;
}

/// The key under a password, in the file `key`.
pub(crate) struct Password(pub(crate) Secret);

impl KeySource for Password {
    fn key(&self, profile: &Path) -> Result<LocalDatabaseKey> {
        let path = key_file(profile);
        let wrapped = fs::read(&path).map_err(|error| Error::io(&path, error))?;
        password::unwrap(&self.0.0, &wrapped).map_err(|error| refused(&path, error))
    }
}

/// The key itself, handed over by an older agent to the newer one that it became.
pub(crate) struct HandedOver(pub(crate) zeroize::Zeroizing<[u8; 32]>);

impl KeySource for HandedOver {
    fn key(&self, _profile: &Path) -> Result<LocalDatabaseKey> {
        Ok(LocalDatabaseKey::from_bytes(&self.0))
    }
}

/// The wrapped key of a profile that is complete.
pub(crate) fn key_file(profile: &Path) -> PathBuf {
    profile.join("key")
}

/// The local database.
pub(crate) fn database(profile: &Path) -> PathBuf {
    profile.join("state.db")
}

/// Whether there is a complete profile.
pub(crate) fn exists(profile: &Path) -> bool {
    key_file(profile).exists()
}

/// Makes the folder (0700) and clears what an earlier attempt left.
pub(crate) fn prepare(profile: &Path) -> Result<()> {
    if exists(profile) {
        return Err(Error::User(
            Failure::new(Code::Conflict, "this profile already has an account")
                .object(profile.display().to_string())
                .hint("set CRANNOG_HOME to another folder for another account or device"),
        ));
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(profile)
        .map_err(|error| Error::io(profile, error))?;
    for leftover in ["state.db", "state.db-wal", "state.db-shm", "key.new"] {
        let path = profile.join(leftover);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(path, error)),
            _ => {}
        }
    }
    Ok(())
}

/// Removes everything of an account, the key first: without it nothing else can be read.
pub(crate) fn wipe(profile: &Path) -> Result<()> {
    let removed = |path: &Path, result: std::io::Result<()>| match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    };
    let key = key_file(profile);
    removed(&key, fs::remove_file(&key))?;
    let entries = fs::read_dir(profile).map_err(|error| Error::io(profile, error))?;
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with("state.db") || name == "key.new" {
            removed(&path, fs::remove_file(&path))?;
        } else if name == "evidence" {
            removed(&path, fs::remove_dir_all(&path))?;
        }
    }
    Ok(())
}

/// Wraps the key under a password and writes it, whole or not at all. Blocking (Argon2id).
pub(crate) fn write_key(profile: &Path, password: &Secret, key: &LocalDatabaseKey) -> Result<()> {
    let wrapped = password::wrap(&password.0, key, KdfParams::DEFAULT, &mut rand::rng())
        .map_err(|error| refused(&key_file(profile), error))?;
    let new = profile.join("key.new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .map_err(|error| Error::io(&new, error))?;
    file.write_all(&wrapped)
        .and_then(|()| file.sync_all())
        .map_err(|error| Error::io(&new, error))
}

/// The profile is complete from here on.
pub(crate) fn commit_key(profile: &Path) -> Result<()> {
    let path = key_file(profile);
    fs::rename(profile.join("key.new"), &path).map_err(|error| Error::io(&path, error))?;
    fs::File::open(profile)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::io(profile, error))
}

fn refused(path: &Path, error: PasswordError) -> Error {
    let failure = match error {
        PasswordError::WrongPasswordOrDamaged => {
            Failure::new(Code::WrongCredentials, "the password is wrong").hint(
                "if you no longer know it, make this a new device with the recovery words: crannog recover",
            )
        }
        PasswordError::ParamsOutOfRange { .. } => {
            return Error::lied(crannog_core::check::Check::KdfFloor, path.display().to_string());
        }
        PasswordError::UnknownVersion(_) => {
            Failure::new(Code::LocalState, "the key file is from another release")
        }
        _ => Failure::new(Code::LocalState, error.to_string()),
    };
    Error::User(failure.object(path.display().to_string()))
}
