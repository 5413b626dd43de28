//! The operator's keys, as text: the public half goes to the server, the identity stays away from it.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use aws_lc_rs::agreement::{PrivateKey, X25519};
use data_encoding::HEXLOWER;
use rustls::crypto::hpke::HpkePrivateKey;

use super::files;
use super::sealed::SUITE;
use super::{BackupError, Repository};

const PUBLIC: &str = "crannog-backup-1:";
const SECRET: &str = "crannog-backup-secret-1:";

/// To whom snapshots are sealed: an X25519 public key. As text it ends in a checksum, for what is sealed to a mistyped key is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recipient(pub(super) [u8; 32]);

/// What opens snapshots. Shown by nothing, kept in one file.
pub(crate) struct BackupIdentity {
    pub(super) key: HpkePrivateKey,
    recipient: Recipient,
}

impl fmt::Debug for BackupIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupIdentity")
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(PUBLIC, &self.0))
    }
}

impl FromStr for Recipient {
    type Err = BackupError;

    fn from_str(given: &str) -> Result<Self, BackupError> {
        parse(PUBLIC, given)
            .map(Self)
            .ok_or_else(|| BackupError::BadKey(format!("{given:?}")))
    }
}

impl Recipient {
    /// From the key itself, or a file with the key in one of its lines.
    pub(crate) fn given(text: &str) -> Result<Self, BackupError> {
        if text.starts_with(PUBLIC) {
            return text.parse();
        }
        // Never repeated in a message.
        if text.starts_with(SECRET) {
            return Err(BackupError::BadKey("a private key".to_owned()));
        }
        let path = Path::new(text);
        let content = fs::read_to_string(path).map_err(BackupError::io(path))?;
        let found = content.lines().find_map(|line| parse(PUBLIC, line.trim()));
        found
            .map(Self)
            .ok_or_else(|| BackupError::BadKey(text.to_owned()))
    }
}

impl BackupIdentity {
    /// Makes a pair, keeps the identity in a new file for its owner only, and gives back the public half.
    pub(crate) fn generate(path: &Path) -> Result<Recipient, BackupError> {
        let (public, secret) = SUITE.generate_key_pair().map_err(|_| BackupError::Seal)?;
        let recipient = Recipient(public.0.try_into().map_err(|_| BackupError::Seal)?);
        let secret: [u8; 32] = secret.secret_bytes().try_into().map_err(|_| BackupError::Seal)?;
        let content = format!(
            "# Opens the backups that are sealed to the key below. Keep it away from the server, and keep a copy.\n# {recipient}\n{}\n",
            text(SECRET, &secret)
        );
        files::write_new(path, content.as_bytes())?;
        files::sync_folder(files::folder_of(path))?;
        Ok(recipient)
    }

    /// Reads the file of an identity.
    pub(crate) fn load(path: &Path) -> Result<Self, BackupError> {
        let bad = || BackupError::BadKey(path.display().to_string());
        let content = fs::read_to_string(path).map_err(BackupError::io(path))?;
        let secret = content
            .lines()
            .find_map(|line| parse(SECRET, line.trim()))
            .ok_or_else(bad)?;
        let key = PrivateKey::from_private_key(&X25519, &secret).map_err(|_| bad())?;
        let public = key.compute_public_key().map_err(|_| bad())?;
        Ok(Self {
            key: HpkePrivateKey::from(secret.to_vec()),
            recipient: Recipient(public.as_ref().try_into().map_err(|_| bad())?),
        })
    }

    /// That it is the one to whom the repository seals.
    pub(super) fn check(&self, repository: &Repository) -> Result<(), BackupError> {
        if self.recipient == repository.recipient() {
            Ok(())
        } else {
            Err(BackupError::WrongIdentity)
        }
    }
}

fn text(prefix: &str, key: &[u8; 32]) -> String {
    format!(
        "{prefix}{}{}",
        HEXLOWER.encode(key),
        HEXLOWER.encode(&checksum(prefix, key))
    )
}

fn parse(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let bytes = HEXLOWER.decode(text.strip_prefix(prefix)?.as_bytes()).ok()?;
    let (key, check) = bytes.split_first_chunk::<32>()?;
    (check == checksum(prefix, key)).then_some(*key)
}

fn checksum(prefix: &str, key: &[u8; 32]) -> [u8; 4] {
    let hash = blake3::Hasher::new()
        .update(prefix.as_bytes())
        .update(key)
        .finalize();
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}
