//! The policy file: read only if nobody but its owner can have written it (KEY-010).

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use crannog_keyd_os::UserId;
use nix::fcntl::OFlag;

use super::error::LoadError;
use super::subject::Names;
use super::{Policy, Warning};

const MAX_LEN: u64 = 1 << 20;

/// A policy that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
    /// SHA-256 of the file, for the event `policy-loaded`.
    pub sha256: [u8; 32],
}

/// Reads and parses a policy file that belongs to `owner` (root) and that only its owner may write. Blocks.
pub fn load(path: &Path, owner: UserId, names: &dyn Names) -> Result<Loaded, LoadError> {
    let bytes = read(path, owner)?;
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest(&SHA256, &bytes).as_ref());
    let text = String::from_utf8(bytes).map_err(|_| LoadError::Encoding)?;
    let (policy, warnings) = Policy::parse(&text, names)?;
    Ok(Loaded {
        policy,
        warnings,
        sha256,
    })
}

/// What is judged is the open file, not what has its name a moment later. A pipe of that name does not hold up a start.
fn read(path: &Path, owner: UserId) -> Result<Vec<u8>, LoadError> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(LoadError::NotAFile);
    }
    if metadata.uid() != owner.number() {
        return Err(LoadError::Owner(metadata.uid()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(LoadError::Mode(metadata.mode() & 0o7777));
    }
    let mut bytes = Vec::new();
    file.take(MAX_LEN + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_LEN {
        return Err(LoadError::TooLarge);
    }
    Ok(bytes)
}
