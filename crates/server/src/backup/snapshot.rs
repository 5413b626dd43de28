//! A snapshot's sealed file: the server's keys, then the database. Made here, and opened here after its signature.

use std::path::Path;

use borsh::BorshDeserialize;

use super::manifest::Facts;
use super::sealed::{Extent, Opening, Purpose, Sealing};
use super::server_keys::ServerKeys;
use super::{BackupError, BackupIdentity, Repository, files};

/// Longer than any server's keys.
const KEYS_MAX: u32 = 1 << 16;

/// Seals keys and database into a new file.
pub(super) fn seal(
    path: &Path,
    id: &str,
    repository: &Repository,
    keys: &ServerKeys,
    database: &Path,
) -> Result<Extent, BackupError> {
    let mut sealing = Sealing::begin(path, purpose(repository, id))?;
    let keys = borsh::to_vec(keys).map_err(|_| BackupError::Seal)?;
    let length = u32::try_from(keys.len()).map_err(|_| BackupError::Seal)?;
    sealing.push(&length.to_le_bytes())?;
    sealing.push(&keys)?;
    sealing.push_file(database)?;
    sealing.finish()
}

/// Opens a snapshot: the database goes into a new file, which nobody has read when the digest is compared.
pub(super) fn open(
    repository: &Repository,
    id: &str,
    facts: &Facts,
    identity: &BackupIdentity,
    database: &Path,
) -> Result<ServerKeys, BackupError> {
    let path = repository.part(id, "sealed");
    // Anyone can seal to the recipient, without end.
    if files::length(&path)? != Some(facts.sealed.1) {
        return Err(BackupError::damaged(
            &path,
            "it is missing, or has another length",
        ));
    }
    let mut opening = Opening::begin(&path, purpose(repository, id), identity)?;
    let length = opening.take(4)?;
    let length = u32::from_le_bytes(length.try_into().unwrap_or([0xff; 4]));
    if length > KEYS_MAX {
        return Err(BackupError::damaged(&path, "it holds no keys"));
    }
    let keys = opening.take(length as usize)?;
    let extent = opening.rest_into(database)?;
    if (extent.hash, extent.length) != facts.sealed {
        return Err(BackupError::Forged(path));
    }
    let keys = ServerKeys::try_from_slice(&keys)
        .map_err(|_| BackupError::damaged(&path, "its keys do not decode"))?;
    if keys.certificate() != repository.certificate() || !keys.match_each_other() {
        return Err(BackupError::damaged(
            &path,
            "its keys are not those of the server that signed it",
        ));
    }
    Ok(keys)
}

fn purpose<'a>(repository: &Repository, id: &'a str) -> Purpose<'a> {
    Purpose {
        server: repository.server(),
        recipient: repository.recipient(),
        id,
    }
}
