//! The recovery key: shown or written once, and taken back before anything depends on it (KEY-014).

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crannog_keyd_keys::{Opener, RecoveryKey, UnlockFile};
use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use zeroize::Zeroizing;

use crate::error::InstallError;
use crate::files::{self, Rights, at, look};
use crate::operator::Operator;

/// How often a recovery key may be mistyped.
const ATTEMPTS: u32 = 3;
/// A recovery key has 96 characters.
const MAX_LEN: u64 = 4096;

/// The recovery key of a new store: of the file, if a run that broke off left it there, else a fresh one.
pub(crate) fn prepare(file: Option<&Path>) -> Result<RecoveryKey, InstallError> {
    match file {
        Some(path) if look(path)?.is_some() => Ok(RecoveryKey::parse(&read(path)?)?),
        _ => Ok(RecoveryKey::generate(&mut rand::rng())),
    }
}

/// Shows it, or writes it to the file.
pub(crate) fn tell(
    key: &RecoveryKey,
    file: Option<&Path>,
    operator: &mut dyn Operator,
) -> Result<(), InstallError> {
    let mut text = key.to_text();
    let Some(path) = file else {
        return operator.show_recovery_key(&text).map_err(InstallError::Operator);
    };
    if look(path)?.is_some() {
        return Ok(());
    }
    text.push('\n');
    let rights = Rights {
        user: geteuid().as_raw(),
        group: nix::unistd::getegid().as_raw(),
        mode: 0o600,
    };
    files::write(path, text.as_bytes(), rights).map_err(at(path))
}

/// KEY-014: takes the recovery key back from the file or the operator, and opens its slot.
pub(crate) fn prove(
    unlock: &UnlockFile,
    file: Option<&Path>,
    operator: &mut dyn Operator,
) -> Result<RecoveryKey, InstallError> {
    if let Some(path) = file {
        return opens(unlock, &read(path)?).ok_or(InstallError::RecoveryUnproven);
    }
    for wrong in 0..ATTEMPTS {
        let given = operator.recovery_key(wrong).map_err(InstallError::Operator)?;
        let given = given.ok_or(InstallError::RecoveryNotGiven)?;
        if let Some(key) = opens(unlock, &given) {
            return Ok(key);
        }
    }
    Err(InstallError::RecoveryUnproven)
}

fn opens(unlock: &UnlockFile, text: &str) -> Option<RecoveryKey> {
    let key = RecoveryKey::parse(text).ok()?;
    unlock.open(&Opener::Recovery(&key)).ok()?;
    Some(key)
}

/// What is in a recovery file that root alone can read or replace.
fn read(path: &Path) -> Result<Zeroizing<String>, InstallError> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(at(path))?;
    let metadata = file.metadata().map_err(at(path))?;
    if !metadata.is_file() || metadata.uid() != geteuid().as_raw() || metadata.mode() & 0o077 != 0 {
        return Err(InstallError::RecoveryFileOpen {
            path: path.to_owned(),
        });
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_LEN as usize));
    file.take(MAX_LEN).read_to_string(&mut text).map_err(at(path))?;
    Ok(text)
}
