//! Signed notes (c2sp.org/signed-note, version 1) and, as their text, checkpoints (c2sp.org/tlog-checkpoint, version 1).

mod checkpoint;
mod file;
mod key;
#[cfg(test)]
mod tests;

use std::fmt;

use data_encoding::BASE64;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use file::{FoundNote, NotesFile};
pub use key::{KeyError, NoteSigner, VerifierKey};

/// What a signature's line begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";
/// A longer note is not read. Sixteen signatures of five kilobytes, which readers must take, need a tenth of it.
pub(crate) const MAX_NOTE: usize = 1 << 20;
/// A note with more is not read.
const MAX_SIGNATURES: usize = 100;

/// A text and who signed it. As long as no signature was checked ([`text_signed_by`](Self::text_signed_by)) the text says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

/// Why a note is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Not a text, an empty line and lines of signatures; a control character; too long; more than a hundred signatures.
    #[error("not a signed note")]
    Malformed,
    /// None of the signatures is by the key that was asked about.
    #[error("the note is not signed by this key")]
    OtherKey,
    /// A signature carries the key's name and id, and is not its signature.
    #[error("the note's signature does not verify")]
    Signature,
}

impl SignedNote {
    /// Signs `text`, which must end with a line feed and hold no other control character. `name` is the key's name.
    pub fn sign(text: String, name: &str, signer: &dyn NoteSigner) -> Result<Self, NoteError> {
        if !is_text(&text) {
            return Err(NoteError::Malformed);
        }
        let key = VerifierKey::new(name, signer.public()).map_err(|_| NoteError::Malformed)?;
        let signature = Signature {
            name: name.to_owned(),
            id: key.id(),
            bytes: signer.sign(text.as_bytes()).to_vec(),
        };
        Ok(Self {
            text,
            signatures: vec![signature],
        })
    }

    /// Reads a note; nothing in it is trusted yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE {
            return Err(NoteError::Malformed);
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed)?;
        let (head, tail) = whole.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let text = format!("{head}\n");
        let lines = tail.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let signatures = lines
            .split('\n')
            .take(MAX_SIGNATURES + 1)
            .map(Signature::parse)
            .collect::<Option<Vec<_>>>()
            .ok_or(NoteError::Malformed)?;
        if signatures.len() > MAX_SIGNATURES || !is_text(&text) {
            return Err(NoteError::Malformed);
        }
        Ok(Self { text, signatures })
    }

    /// The text, once `key` is seen to have signed it. Signatures of other keys are passed over; one that bears this key's name and
    /// id and does not verify refuses the note.
    pub fn text_signed_by(&self, key: &VerifierKey) -> Result<&str, NoteError> {
        let mut ours = self
            .signatures
            .iter()
            .filter(|signature| signature.name == key.name() && signature.id == key.id())
            .peekable();
        if ours.peek().is_none() {
            return Err(NoteError::OtherKey);
        }
        if ours.all(|signature| key.verifies(self.text.as_bytes(), &signature.bytes)) {
            Ok(&self.text)
        } else {
            Err(NoteError::Signature)
        }
    }
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        let decoded = BASE64.decode(encoded.as_bytes()).ok()?;
        let (id, bytes) = decoded.split_first_chunk::<4>()?;
        if !key::is_name(name) || bytes.is_empty() {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            id: *id,
            bytes: bytes.to_vec(),
        })
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| {
            let bytes = [&signature.id[..], &signature.bytes].concat();
            writeln!(f, "{DASH}{} {}", signature.name, BASE64.encode(&bytes))
        })
    }
}

fn is_text(text: &str) -> bool {
    text.ends_with('\n') && text.len() > 1 && text.bytes().all(|byte| byte >= b' ' || byte == b'\n')
}
