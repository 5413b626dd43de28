//! Whether what lies in a repository can be restored.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use serde::Serialize;

use super::create::known;
use super::{BackupError, BackupIdentity, Progress, Repository, files, list, snapshot};
use crate::store::sqlite::DatabaseCopy;
use crate::store::{BlobFile, FileName};

/// Problems told of one snapshot; more only count.
const TOLD: usize = 100;

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Verified {
    /// The server's fingerprint.
    pub(crate) server: String,
    /// Whether every byte of every blob was hashed.
    pub(crate) full: bool,
    /// Each snapshot.
    pub(crate) snapshots: Vec<Checked>,
}

/// A snapshot that was looked at.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Checked {
    /// Its id.
    pub(crate) id: String,
    /// Blobs that it needs.
    pub(crate) blobs: u64,
    /// How many things are wrong.
    pub(crate) wrong: u64,
    /// The first of them, for people.
    pub(crate) problems: Vec<String>,
}

impl Checked {
    fn tell(&mut self, problem: String) {
        self.wrong += 1;
        if self.problems.len() < TOLD {
            self.problems.push(problem);
        }
    }
}

/// Opens the snapshots, or one, and compares all that they name with what is there; with `full` every byte.
pub(crate) fn verify(
    repository: &Repository,
    identity: &BackupIdentity,
    only: Option<&str>,
    full: bool,
    progress: Progress<'_>,
) -> Result<Verified, BackupError> {
    identity.check(repository)?;
    let ids = match only {
        Some(id) => vec![repository.snapshot(id)?.id],
        None => repository.ids()?,
    };
    if ids.is_empty() {
        return Err(BackupError::Empty);
    }
    let mut verifier = Verifier {
        repository,
        identity,
        full,
        hashed: HashSet::new(),
        bad: HashSet::new(),
        seen: (0, 0),
        progress,
    };
    let mut snapshots = Vec::new();
    for id in ids {
        let mut checked = Checked {
            id,
            blobs: 0,
            wrong: 0,
            problems: Vec::new(),
        };
        // A broken snapshot says nothing about the others.
        match verifier.snapshot(&mut checked) {
            Err(
                error @ (BackupError::Forged(_) | BackupError::Damaged { .. } | BackupError::Database(_)),
            ) => {
                checked.tell(error.to_string());
            }
            other => other?,
        }
        snapshots.push(checked);
    }
    Ok(Verified {
        server: repository.server().to_string(),
        full,
        snapshots,
    })
}

struct Verifier<'a> {
    repository: &'a Repository,
    identity: &'a BackupIdentity,
    full: bool,
    hashed: HashSet<FileName>,
    bad: HashSet<FileName>,
    seen: (u64, u64),
    progress: Progress<'a>,
}

impl Verifier<'_> {
    fn snapshot(&mut self, checked: &mut Checked) -> Result<(), BackupError> {
        let facts = self.repository.facts(&checked.id)?;
        let listed = self.repository.checked_list(&checked.id, &facts)?;
        let folder = PrivateFolder::new()?;
        let path = folder.0.join("database");
        if files::length(&self.repository.part(&checked.id, "sealed"))?.is_none() {
            let path = self.repository.part(&checked.id, "sealed");
            return Err(BackupError::damaged(&path, "it is missing"));
        }
        snapshot::open(self.repository, &checked.id, &facts, self.identity, &path)?;
        let database = known(DatabaseCopy::open(&path)?)?;
        for problem in database.integrity()? {
            checked.tell(format!("the database: {problem}"));
        }
        if facts.lost > 0 {
            let (lost, blobs) = (facts.lost, if facts.lost == 1 { "blob" } else { "blobs" });
            checked.tell(format!("{lost} {blobs} had been lost on the server before"));
        }
        checked.blobs = facts.blobs;
        let mut list = list::Reader::open(&listed)?;
        let mut unlisted = 0;
        for shard in 0..=u8::MAX {
            let named: HashSet<_> = list
                .shard(shard)?
                .into_iter()
                .map(|line| (line.name, line.size))
                .collect();
            for row in database.shard(shard)? {
                if named.contains(&(row.name, row.size)) {
                    self.blob(&row, checked)?;
                } else {
                    unlisted += 1;
                }
            }
        }
        if unlisted != facts.lost {
            checked.tell("list and database name other files".to_owned());
        }
        Ok(())
    }

    fn blob(&mut self, row: &BlobFile, checked: &mut Checked) -> Result<(), BackupError> {
        let path = self.repository.blob(&row.name);
        self.seen = (self.seen.0 + 1, self.seen.1 + row.size);
        (self.progress)(self.seen.0, self.seen.1);
        match files::length(&path)? {
            None => checked.tell(format!(
                "the file {} of the blob {} is missing",
                row.name, row.blob
            )),
            Some(length) if length != row.size => {
                checked.tell(format!(
                    "the file {} has {length} bytes, not {}",
                    row.name, row.size
                ));
            }
            Some(_) if self.full => {
                if self.hashed.insert(row.name) && files::hash(&path)? != row.blob.0 {
                    self.bad.insert(row.name);
                }
                if self.bad.contains(&row.name) {
                    checked.tell(format!(
                        "the file {} does not hash to the blob {}",
                        row.name, row.blob
                    ));
                }
            }
            Some(_) => {}
        }
        Ok(())
    }
}

/// Where a database lies in clear while it is checked: for this user only, and not for long.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn new() -> Result<Self, BackupError> {
        let mut name = [0; 16];
        rand::fill(&mut name).map_err(|_| BackupError::Seal)?;
        let path = std::env::temp_dir().join(format!("crannogd-{}", HEXLOWER.encode(&name)));
        Self::make(&path)
    }

    fn make(path: &Path) -> Result<Self, BackupError> {
        use std::os::unix::fs::DirBuilderExt;
        // Not recursive: whoever made a folder of this name before is refused.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(path)
            .map_err(BackupError::io(path))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(error = %error, "a temporary copy of a database could not be removed");
        }
    }
}
