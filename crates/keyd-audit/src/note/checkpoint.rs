//! What a log's note says: which log, how many records, which root.

use std::fmt;

use data_encoding::BASE64;

use super::{NoteError, NoteSigner, SignedNote, VerifierKey};
use crate::tree::Hash;

/// A log's state at one moment. Checkpoints of this log have no extension lines, and the key's name is the origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name; one line.
    pub origin: String,
    /// How many records the tree has.
    pub size: u64,
    /// The tree's root at that size.
    pub root: Hash,
}

/// Why a note is not a checkpoint of the log that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note itself.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Signed well, but not three lines: origin, size in decimal, root in base64.
    #[error("the note is not a checkpoint")]
    Malformed,
    /// The origin is another log's.
    #[error("the checkpoint is another log's")]
    Origin,
}

impl Checkpoint {
    /// Reads the text of a note. Nothing vouches for it: use [`of_note`](Self::of_note) where a note is at hand.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Malformed)?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Malformed);
        };
        let root = BASE64
            .decode(root.as_bytes())
            .map_err(|_| CheckpointError::Malformed)?;
        if origin.is_empty() {
            return Err(CheckpointError::Malformed);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: decimal(size).ok_or(CheckpointError::Malformed)?,
            root: Hash(root.try_into().map_err(|_| CheckpointError::Malformed)?),
        })
    }

    /// What `key` signed, if it is a checkpoint of the log of that name.
    pub fn of_note(note: &SignedNote, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(note.text_signed_by(key)?)?;
        if checkpoint.origin == key.name() {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin)
        }
    }

    /// Signs it under the origin's name. A log must never sign two checkpoints of which one is not a later state of the other.
    pub fn sign(&self, signer: &dyn NoteSigner) -> Result<SignedNote, NoteError> {
        SignedNote::sign(self.to_string(), &self.origin, signer)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}\n{}\n{}",
            self.origin,
            self.size,
            BASE64.encode(&self.root.0)
        )
    }
}

/// A number without sign and leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}
