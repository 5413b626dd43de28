//! A repository on disk: who may work on it, what is in it, and that the server signed it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use borsh::BorshSerialize;
use crannog_proto::Fingerprint;
use crannog_proto::sign::{Signature, VerifyingKey};
use data_encoding::HEXLOWER;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use serde::{Deserialize, Serialize};

use super::files::Folder;
use super::key::Recipient;
use super::manifest::{Facts, Manifest, array};
use super::server_keys::{ServerKeys, public_key};
use super::{BackupError, files, list};
use crate::store::FileName;

const FORMAT: u32 = 1;
const FOLDERS: [&str; 3] = ["tmp", "snapshots", "blobs"];
const LABEL: &str = "crannogd 2026 backup repository.";

/// What a command will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Look only; others may look too.
    Read,
    /// Change; nobody else may do anything.
    Write,
}

/// A repository that this process may use, signed by the server that it names.
#[derive(Debug)]
pub(crate) struct Repository {
    root: PathBuf,
    server: Fingerprint,
    certificate: Vec<u8>,
    key: VerifyingKey,
    recipient: Recipient,
    _lock: Option<Flock<File>>,
}

/// `repository.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Descriptor {
    format: u32,
    server: String,
    certificate: String,
    recipient: String,
    signature: String,
}

#[derive(BorshSerialize)]
struct Statement {
    format: u32,
    server: [u8; 32],
    recipient: [u8; 32],
}

/// What a snapshot is called: a number that counts up, and when it was taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    number: u64,
    text: String,
}

impl std::str::FromStr for Id {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (number, stamp) = text.split_once('-').ok_or(())?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (day, time) = stamp
            .strip_suffix('Z')
            .and_then(|stamp| stamp.split_once('T'))
            .ok_or(())?;
        let shaped = digits(number) && (6..=10).contains(&number.len());
        if !shaped || !digits(day) || day.len() != 8 || !digits(time) || time.len() != 6 {
            return Err(());
        }
        Ok(Self {
            number: number.parse().map_err(|_| ())?,
            text: text.to_owned(),
        })
    }
}

/// A file of a snapshot, or one that becomes it.
fn is_part(name: &str) -> bool {
    let name = name.strip_suffix(".new").unwrap_or(name);
    let part = name.split_once('.');
    part.is_some_and(|(id, part)| id.parse::<Id>().is_ok() && ["json", "list", "sealed"].contains(&part))
}

/// A line of the table of snapshots.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Snapshot {
    /// Its id; later ones sort behind.
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) taken: i64,
    /// Blobs that it needs.
    pub(crate) blobs: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Blobs that the server had lost before.
    pub(crate) lost: u64,
    /// Bytes of the sealed file.
    pub(crate) sealed_bytes: u64,
}

impl Repository {
    /// Opens a repository and checks its signature.
    pub(crate) fn open(root: &Path, access: Access) -> Result<Self, BackupError> {
        let path = root.join("repository.json");
        let text = match files::read_small(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::NotARepository(root.to_owned()));
            }
            Err(error) => return Err(BackupError::io(&path)(error)),
        };
        let lock = lock(root, access)?;
        let found: Descriptor =
            serde_json::from_slice(&text).map_err(|_| BackupError::damaged(&path, "it does not decode"))?;
        if found.format != FORMAT {
            return Err(BackupError::Format(found.format));
        }
        let forged = || BackupError::Forged(path.clone());
        let certificate = HEXLOWER
            .decode(found.certificate.as_bytes())
            .map_err(|_| forged())?;
        let key = public_key(&certificate).ok_or_else(forged)?;
        let server = Fingerprint::of(&certificate);
        let recipient: Recipient = found.recipient.parse().map_err(|_| forged())?;
        let signature = Signature(array(&found.signature).ok_or_else(forged)?);
        key.verify(LABEL, &statement(server, recipient)?, &signature)
            .map_err(|_| forged())?;
        if found.server != server.to_string() {
            return Err(forged());
        }
        let repository = Self {
            root: root.to_owned(),
            server,
            certificate,
            key,
            recipient,
            _lock: lock,
        };
        if access == Access::Write {
            for folder in FOLDERS {
                files::no_link(&root.join(folder))?;
            }
            for shard in 0..=u8::MAX {
                files::no_link(&repository.shard(shard))?;
            }
        }
        Ok(repository)
    }

    /// Opens the repository of this server, or makes one.
    pub(super) fn for_server(
        root: &Path,
        keys: &ServerKeys,
        key: Option<Recipient>,
    ) -> Result<Self, BackupError> {
        if !root.join("repository.json").exists() {
            Self::make(root, keys, key.ok_or(BackupError::NoKey)?)?;
        }
        let repository = Self::open(root, Access::Write)?;
        if repository.certificate != keys.certificate() {
            return Err(BackupError::OtherServer {
                found: repository.server,
                ours: keys.fingerprint(),
            });
        }
        if key.is_some_and(|key| key != repository.recipient) {
            return Err(BackupError::OtherKey);
        }
        for folder in FOLDERS {
            files::make_folder(&root.join(folder))?;
        }
        for shard in 0..=u8::MAX {
            files::make_folder(&repository.shard(shard))?;
        }
        files::sync_folder(&root.join("blobs"))?;
        files::sync_folder(root)?;
        repository.clear_away()?;
        Ok(repository)
    }

    fn make(root: &Path, keys: &ServerKeys, recipient: Recipient) -> Result<(), BackupError> {
        files::make_folder(root)?;
        let signature = keys.sign(LABEL, &statement(keys.fingerprint(), recipient)?)?;
        let descriptor = Descriptor {
            format: FORMAT,
            server: keys.fingerprint().to_string(),
            certificate: HEXLOWER.encode(keys.certificate()),
            recipient: recipient.to_string(),
            signature: HEXLOWER.encode(&signature.0),
        };
        let _lock = lock(root, Access::Write)?;
        put(root, "repository.json", &descriptor)
    }

    /// Removes what a killed run left: temporary files, and parts of snapshots without their last one.
    fn clear_away(&self) -> Result<(), BackupError> {
        let whole = self.ids()?;
        if let Some(tmp) = Folder::open(&self.root.join("tmp"))? {
            for name in tmp.names()? {
                if is_part(&name) || list::file_name(&name).is_some() {
                    tmp.remove(&name)?;
                }
            }
        }
        if let Some(snapshots) = Folder::open(&self.root.join("snapshots"))? {
            for name in snapshots.names()? {
                let id = name.split('.').next().unwrap_or_default();
                if is_part(&name) && !whole.iter().any(|known| known == id) {
                    snapshots.remove(&name)?;
                }
            }
        }
        Ok(())
    }

    /// The server whose repository it is; the operator compares it.
    pub(crate) fn server(&self) -> Fingerprint {
        self.server
    }

    /// Refuses the repository of another server than the given one.
    pub(crate) fn expect(&self, wanted: Option<Fingerprint>) -> Result<(), BackupError> {
        match wanted {
            Some(wanted) if wanted != self.server => Err(BackupError::OtherFingerprint {
                found: self.server,
                wanted,
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    pub(super) fn recipient(&self) -> Recipient {
        self.recipient
    }

    pub(super) fn temporary(&self, name: &str) -> PathBuf {
        self.root.join("tmp").join(name)
    }

    pub(super) fn shard(&self, shard: u8) -> PathBuf {
        self.root.join("blobs").join(HEXLOWER.encode(&[shard]))
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(super) fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    pub(super) fn blob(&self, name: &FileName) -> PathBuf {
        self.shard(name.0[0]).join(name.to_string())
    }

    /// A part of a snapshot: `json`, `list`, `sealed`.
    pub(super) fn part(&self, id: &str, part: &str) -> PathBuf {
        self.root.join("snapshots").join(format!("{id}.{part}"))
    }

    pub(super) fn sync_snapshots(&self) -> Result<(), BackupError> {
        files::sync_folder(&self.root.join("snapshots"))
    }

    /// Commits a snapshot whose other parts are synced.
    pub(super) fn commit(&self, id: &str, manifest: &Manifest) -> Result<(), BackupError> {
        put(&self.root.join("snapshots"), &format!("{id}.json"), manifest)
    }

    /// The ids of all snapshots, the oldest first.
    pub(crate) fn ids(&self) -> Result<Vec<String>, BackupError> {
        let mut ids: Vec<Id> = names(&self.root.join("snapshots"))?
            .iter()
            .filter_map(|name| name.strip_suffix(".json")?.parse().ok())
            .collect();
        ids.sort();
        Ok(ids.into_iter().map(|id| id.text).collect())
    }

    /// The number after those of all snapshots that this server signed: nobody else's file names count.
    pub(super) fn next_number(&self) -> Result<u64, BackupError> {
        let signed = self.ids()?.into_iter().filter(|id| self.facts(id).is_ok());
        let last = signed.filter_map(|id| Some(id.parse::<Id>().ok()?.number)).max();
        Ok(last.unwrap_or(0).saturating_add(1))
    }

    /// A snapshot that is kept when others go: all that can be told of it without the private key.
    pub(super) fn check_kept(&self, id: &str) -> Result<(), BackupError> {
        let facts = self.facts(id)?;
        let mut list = list::Reader::open(&self.checked_list(id, &facts)?)?;
        let sealed = self.part(id, "sealed");
        if files::length(&sealed)? != Some(facts.sealed.1) || files::hash(&sealed)? != facts.sealed.0 {
            return Err(BackupError::damaged(
                &sealed,
                "it is not the file that was signed",
            ));
        }
        for shard in 0..=u8::MAX {
            for line in list.shard(shard)? {
                let path = self.blob(&line.name);
                if files::length(&path)? != Some(line.size) {
                    return Err(BackupError::damaged(
                        &path,
                        "a snapshot that is to be kept needs it whole",
                    ));
                }
            }
        }
        Ok(())
    }

    /// What the server signed about a snapshot.
    pub(super) fn facts(&self, id: &str) -> Result<Facts, BackupError> {
        let path = self.part(id, "json");
        let bytes = match files::read_small(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::NoSnapshot(id.to_owned()));
            }
            Err(error) => return Err(BackupError::io(&path)(error)),
        };
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|_| BackupError::damaged(&path, "it does not decode"))?;
        manifest
            .verify(id, self.key, self.server, self.recipient)
            .ok_or(BackupError::Forged(path))
    }

    /// The list of a snapshot, if it is the one that was signed.
    pub(super) fn checked_list(&self, id: &str, facts: &Facts) -> Result<PathBuf, BackupError> {
        let path = self.part(id, "list");
        if files::length(&path)? != Some(facts.list.1) {
            return Err(BackupError::damaged(
                &path,
                "it is missing, or has another length",
            ));
        }
        if files::hash(&path)? == facts.list.0 {
            Ok(path)
        } else {
            Err(BackupError::damaged(&path, "it is not the list that was signed"))
        }
    }

    /// A line of the table.
    pub(crate) fn snapshot(&self, id: &str) -> Result<Snapshot, BackupError> {
        self.facts(id).map(|facts| Snapshot {
            id: id.to_owned(),
            taken: facts.taken,
            blobs: facts.blobs,
            bytes: facts.bytes,
            lost: facts.lost,
            sealed_bytes: facts.sealed.1,
        })
    }
}

fn lock(root: &Path, access: Access) -> Result<Option<Flock<File>>, BackupError> {
    let path = root.join("lock");
    let (opened, kind) = match access {
        Access::Write => (
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
                .open(&path),
            FlockArg::LockExclusiveNonblock,
        ),
        Access::Read => (files::open_plain(&path), FlockArg::LockSharedNonblock),
    };
    let file = match opened {
        Ok(file) => file,
        // A copy without the lock, perhaps on a medium that cannot be written: nobody changes it.
        Err(error) if access == Access::Read && error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BackupError::io(&path)(error)),
    };
    if !file.metadata().map_err(BackupError::io(&path))?.is_file() {
        return Err(BackupError::damaged(&path, "it is no file"));
    }
    match Flock::lock(file, kind) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Err(BackupError::Busy(root.to_owned())),
        Err((_, error)) => Err(BackupError::io(&path)(error.into())),
    }
}

/// Writes a file of JSON by rename, durably.
fn put(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), BackupError> {
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    let mut text = serde_json::to_vec_pretty(value).map_err(|_| BackupError::Seal)?;
    text.push(b'\n');
    files::remove(&new)?;
    files::write_new(&new, &text)?;
    fs::rename(&new, &path).map_err(BackupError::io(&path))?;
    files::sync_folder(folder)
}

/// The names in a folder that may not be there.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, BackupError> {
    let items = match fs::read_dir(folder) {
        Ok(items) => items,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(BackupError::io(folder)(error)),
    };
    let mut names = Vec::new();
    for item in items {
        let item = item.map_err(BackupError::io(folder))?;
        names.extend(item.file_name().into_string().ok());
    }
    Ok(names)
}

fn statement(server: Fingerprint, recipient: Recipient) -> Result<Vec<u8>, BackupError> {
    let statement = Statement {
        format: FORMAT,
        server: server.0,
        recipient: recipient.0,
    };
    borsh::to_vec(&statement).map_err(|_| BackupError::Seal)
}
