//! Bytes that hash to their id: the only thing that anything here opens.

use std::fmt;

use crannog_proto::BlobId;

/// A blob whose bytes hash to its id. Hashed once, on making or on receipt, and never again.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob {
    id: BlobId,
    bytes: Vec<u8>,
}

impl Blob {
    /// Own bytes, with the id that they have.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            id: BlobId::of(&bytes),
            bytes,
        }
    }

    /// Bytes from elsewhere, if they are what was asked for (CHK-001); the blob that they are instead, if not.
    pub fn check(id: BlobId, bytes: Vec<u8>) -> Result<Self, Self> {
        let blob = Self::new(bytes);
        // CHK-001
        if blob.id == id { Ok(blob) } else { Err(blob) }
    }

    /// Its id.
    pub fn id(&self) -> BlobId {
        self.id
    }

    /// Its bytes, all of them ciphertext.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, to send or store.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes of plaintext (padding included) a box of this length holds; 0 for what is no box. Filler is
    /// reckoned with it.
    pub fn plain_len(&self) -> u64 {
        super::cut::plain_len(self.bytes.len() as u64)
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({}, {} bytes)", self.id, self.bytes.len())
    }
}
