//! The parts of a state directory that tell about its audit log, read without the service.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use borsh::BorshDeserialize;
use crannog_keyd_audit::{Anchor, FoundNote, NotesFile, Problem, Segments, SignedNote, VerifierKey};
use crannog_keyd_keys::{
    LockedBytes, Opener, RecordError, RecordHeader, RecordKind, RecoveryKey, StoreId, UnlockFile, open_record,
};
use crannog_seal::keyd::{AuditRoot, StoreKey};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use crate::failure::{Code, Failure};
use crate::secret_file;

/// A state directory.
#[derive(Debug, Clone)]
pub(super) struct State {
    dir: PathBuf,
}

/// A state directory whose store key is at hand.
pub(super) struct Unlocked {
    state: State,
    store: StoreId,
    key: StoreKey,
}

impl State {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Where a service that was installed keeps its state.
    pub(super) fn installed() -> Self {
        Self::new(Path::new("/var/lib/crannog-keyd"))
    }

    /// The lines of the log.
    pub(super) fn segments(&self) -> Result<Segments, Failure> {
        let path = self.dir.join("audit");
        Segments::open(&path).map_err(|error| Failure::io(&path, &error))
    }

    /// The log's own checkpoints, and what stands between them that is none.
    pub(super) fn notes(&self) -> Result<(Vec<SignedNote>, Vec<Problem>), Failure> {
        let path = self.dir.join("audit/checkpoints");
        if !path.exists() {
            return Ok((Vec::new(), Vec::new()));
        }
        notes(&path)
    }

    /// The id of the store.
    pub(super) fn store(&self) -> Result<StoreId, Failure> {
        Ok(self.unlock_file()?.store())
    }

    /// Opens the store key with the key file (64 hex digits, or 32 bytes as a credential has them).
    pub(super) fn with_key_file(self, path: &Path) -> Result<Unlocked, Failure> {
        let bytes = secret_file::read_private(path)?;
        let decoded = Zeroizing::new(
            HEXLOWER_PERMISSIVE
                .decode(bytes.trim_ascii_end())
                .unwrap_or_default(),
        );
        let key = decoded
            .as_slice()
            .try_into()
            .or_else(|_| bytes.as_slice().try_into());
        let key: &[u8; 32] = key.map_err(|_| {
            Failure::new(Code::Usage, "not 32 bytes, nor 64 hex digits").object(path.display().to_string())
        })?;
        self.open(&Opener::KeyFile(key), path)
    }

    /// Opens the store key with the recovery key.
    pub(super) fn with_recovery_file(self, path: &Path) -> Result<Unlocked, Failure> {
        let text = secret_file::text(path, &secret_file::read(path)?)?;
        let failed = |error: RecordError| {
            Failure::new(Code::Usage, error.to_string()).object(path.display().to_string())
        };
        let key = RecoveryKey::parse(&text).map_err(failed)?;
        self.open(&Opener::Recovery(&key), path)
    }

    fn open(self, with: &Opener<'_>, path: &Path) -> Result<Unlocked, Failure> {
        let file = self.unlock_file()?;
        let key = file.open(with).map_err(|error| {
            Failure::new(Code::VerificationFailed, error.to_string())
                .object(path.display().to_string())
                .hint("is it the key of this store?")
        })?;
        Ok(Unlocked {
            store: file.store(),
            state: self,
            key,
        })
    }

    fn unlock_file(&self) -> Result<UnlockFile, Failure> {
        let path = self.dir.join("unlock");
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::new(Code::NotInstalled, "this folder has no store")
                .object(self.dir.display().to_string()),
            _ => Failure::io(&path, &error),
        })?;
        UnlockFile::parse(&bytes).map_err(|error| damaged(&path, &error))
    }
}

impl Unlocked {
    /// What the log's checkpoints are signed with, by the store's own word.
    pub(super) fn verifier_key(&self) -> Result<VerifierKey, Failure> {
        let path = self.state.dir.join("audit-root");
        let root = self.record(&path, RecordKind::AuditRoot)?;
        let root =
            root.ok_or_else(|| Failure::new(Code::NotFound, "missing").object(path.display().to_string()))?;
        let root = AuditRoot::try_from_slice(root.expose()).map_err(|error| Failure::io(&path, &error))?;
        let origin = format!("crannog-keyd/{}", HEXLOWER.encode(&self.store.0));
        VerifierKey::new(&origin, root.signing_key(&self.store.0).public())
            .map_err(|error| Failure::new(Code::Internal, error.to_string()))
    }

    /// How far the log reached; none if there is no anchor.
    pub(super) fn anchor(&self) -> Result<Option<Anchor>, Failure> {
        let path = self.state.dir.join("audit/anchor");
        let Some(anchor) = self.record(&path, RecordKind::Anchor)? else {
            return Ok(None);
        };
        let anchor = Anchor::try_from_slice(anchor.expose());
        anchor
            .map(Some)
            .map_err(|error| Failure::io(&path, &error).check("KEY-011"))
    }

    fn record(&self, path: &Path, kind: RecordKind) -> Result<Option<LockedBytes>, Failure> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::io(path, &error)),
        };
        let expected = RecordHeader::of_store(&self.store, kind, 0);
        let opened = open_record(&self.key, kind, &expected, &bytes);
        opened
            .map(|(_, plain)| Some(plain))
            .map_err(|error| damaged(path, &error))
    }
}

/// The checkpoints in a file, and what is none.
pub(super) fn notes(path: &Path) -> Result<(Vec<SignedNote>, Vec<Problem>), Failure> {
    let failed = |error: &std::io::Error| Failure::io(path, error);
    let mut file = NotesFile::new(BufReader::new(File::open(path).map_err(|error| failed(&error))?));
    let (mut notes, mut problems) = (Vec::new(), Vec::new());
    while let Some(found) = file.next_note().map_err(|error| failed(&error))? {
        match found {
            FoundNote::Note(note) => notes.push(note),
            FoundNote::Bad(error) => problems.push(Problem::Checkpoint {
                index: notes.len(),
                elsewhere: false,
                error: error.into(),
            }),
            // A writer that was broken off leaves it; the anchor knows whether a note is missing.
            FoundNote::Torn(_) => {}
        }
    }
    Ok((notes, problems))
}

fn damaged(path: &Path, error: &RecordError) -> Failure {
    Failure::new(Code::VerificationFailed, error.to_string()).object(path.display().to_string())
}
