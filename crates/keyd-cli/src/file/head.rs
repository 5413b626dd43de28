//! The readable beginning of a file.

use std::io::{self, Read};

use crannog_keyd_client::{Ciphertext, Name};

/// What such a file begins with.
pub(crate) const MAGIC: &[u8; 8] = b"CRKDFIL1";

/// Under which key a file is encrypted, and its data key, sealed by that key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) key: Name,
    pub(crate) data_key: Ciphertext,
    /// As they stand in the file: the associated data of what follows.
    bytes: Vec<u8>,
}

/// Why a head is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("CHK-010: not a file that crannog-keyd encrypted, or of a newer version")]
    Format,
    #[error("CHK-029: the head of the file does not decode")]
    Damaged,
    #[error("KEY-015: the wrapped data key is too long for the head of a file")]
    Long,
}

impl Head {
    /// Of a new file.
    pub(crate) fn new(key: Name, data_key: Ciphertext) -> Result<Self, HeadError> {
        let mut bytes = MAGIC.to_vec();
        for text in [key.as_str(), data_key.as_str()] {
            let len = u16::try_from(text.len()).map_err(|_| HeadError::Long)?;
            bytes.extend_from_slice(&len.to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        Ok(Self { key, data_key, bytes })
    }

    /// From the beginning of a file; exactly the head is read.
    pub(crate) fn read(from: &mut impl Read) -> Result<Self, HeadError> {
        let mut magic = [0; MAGIC.len()];
        whole(from, &mut magic, HeadError::Format)?;
        if magic != *MAGIC {
            return Err(HeadError::Format);
        }
        let (key, data_key) = (text(from)?, text(from)?);
        // What the service makes is printable ASCII; anything else was not made by it.
        if !data_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HeadError::Damaged);
        }
        let key = Name::parse(&key).map_err(|_| HeadError::Damaged)?;
        Self::new(key, data_key.into())
    }

    /// As they stand in the file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn text(from: &mut impl Read) -> Result<String, HeadError> {
    let mut len = [0; 2];
    whole(from, &mut len, HeadError::Damaged)?;
    let mut text = vec![0; usize::from(u16::from_le_bytes(len))];
    whole(from, &mut text, HeadError::Damaged)?;
    String::from_utf8(text).map_err(|_| HeadError::Damaged)
}

fn whole(from: &mut impl Read, into: &mut [u8], short: HeadError) -> Result<(), HeadError> {
    from.read_exact(into).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => short,
        _ => HeadError::Io(error),
    })
}
