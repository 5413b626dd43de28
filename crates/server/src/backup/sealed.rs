//! One HPKE context per file, a chunk per message: what was cut, reordered or lengthened does not open.
//!
//! ```text
//!  file  = "crannogd backup 1\n" || enc (32) || chunk ...            chunk = Seal(aad, at most 1 MiB) with a tag of 16 bytes
//!  info  = "crannogd 2026 backup" || 0 || server fingerprint || recipient || snapshot id        aad = 1 for the last chunk, else 0
//! ```

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crannog_proto::Fingerprint;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkeOpener, HpkePublicKey, HpkeSealer};

use super::key::{BackupIdentity, Recipient};
use super::{BackupError, files};

/// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
pub(super) static SUITE: &dyn Hpke = DH_KEM_X25519_HKDF_SHA256_AES_256;

const MAGIC: &[u8] = b"crannogd backup 1\n";
const LABEL: &[u8] = b"crannogd 2026 backup\0";
const CHUNK: usize = 1 << 20;
const TAG: usize = 16;
const ENC: usize = 32;

/// For which server, to whom, under which name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose<'a> {
    pub(super) server: Fingerprint,
    pub(super) recipient: Recipient,
    pub(super) id: &'a str,
}

impl Purpose<'_> {
    fn info(&self) -> Vec<u8> {
        [
            LABEL,
            self.server.0.as_slice(),
            self.recipient.0.as_slice(),
            self.id.as_bytes(),
        ]
        .concat()
    }
}

/// What was written or read: digest and length of the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) hash: [u8; 32],
    pub(super) length: u64,
}

/// Seals into a new file.
#[derive(Debug)]
pub(super) struct Sealing {
    path: PathBuf,
    file: File,
    sealer: Box<dyn HpkeSealer>,
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
    length: u64,
}

impl Sealing {
    pub(super) fn begin(path: &Path, purpose: Purpose<'_>) -> Result<Self, BackupError> {
        let to = HpkePublicKey(purpose.recipient.0.to_vec());
        let (enc, sealer) = SUITE
            .setup_sealer(&purpose.info(), &to)
            .map_err(|_| BackupError::Seal)?;
        let mut sealing = Self {
            path: path.to_owned(),
            file: files::create(path)?,
            sealer,
            buffer: Vec::with_capacity(CHUNK),
            hasher: blake3::Hasher::new(),
            length: 0,
        };
        sealing.write(MAGIC)?;
        sealing.write(&enc.0)?;
        Ok(sealing)
    }

    /// Takes the next bytes. A full chunk waits for what follows, for the last one is sealed as such.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), BackupError> {
        while !bytes.is_empty() {
            if self.buffer.len() == CHUNK {
                self.seal(0)?;
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(CHUNK - self.buffer.len()));
            self.buffer.extend_from_slice(piece);
            bytes = rest;
        }
        Ok(())
    }

    /// Takes a whole file.
    pub(super) fn push_file(&mut self, path: &Path) -> Result<(), BackupError> {
        let mut file = File::open(path).map_err(BackupError::io(path))?;
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = file.read(&mut buffer).map_err(BackupError::io(path))?;
            match buffer.get(..read) {
                Some(piece) if !piece.is_empty() => self.push(piece)?,
                _ => return Ok(()),
            }
        }
    }

    /// Seals the last chunk and syncs the file.
    pub(super) fn finish(mut self) -> Result<Extent, BackupError> {
        self.seal(1)?;
        self.file.sync_all().map_err(BackupError::io(&self.path))?;
        Ok(Extent {
            hash: *self.hasher.finalize().as_bytes(),
            length: self.length,
        })
    }

    fn seal(&mut self, last: u8) -> Result<(), BackupError> {
        let sealed = self
            .sealer
            .seal(&[last], &self.buffer)
            .map_err(|_| BackupError::Seal)?;
        self.buffer.clear();
        self.write(&sealed)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.file.write_all(bytes).map_err(BackupError::io(&self.path))
    }
}

/// Opens a file, chunk by chunk.
#[derive(Debug)]
pub(super) struct Opening {
    path: PathBuf,
    file: File,
    opener: Box<dyn HpkeOpener>,
    /// The sealed chunk that comes next; whether it is the last, what comes behind it tells.
    ahead: Vec<u8>,
    /// Opened and not yet taken.
    ready: Vec<u8>,
    last_opened: bool,
    hasher: blake3::Hasher,
    length: u64,
}

impl Opening {
    pub(super) fn begin(
        path: &Path,
        purpose: Purpose<'_>,
        identity: &BackupIdentity,
    ) -> Result<Self, BackupError> {
        let mut file = File::open(path).map_err(BackupError::io(path))?;
        let mut hasher = blake3::Hasher::new();
        let start = read_up_to(&mut file, MAGIC.len() + ENC, path)?;
        hasher.update(&start);
        let enc = start
            .strip_prefix(MAGIC)
            .filter(|enc| enc.len() == ENC)
            .ok_or_else(|| BackupError::damaged(path, "it does not begin like a snapshot"))?;
        let enc = EncapsulatedSecret(enc.to_vec());
        let opener = SUITE
            .setup_opener(&enc, &purpose.info(), &identity.key)
            .map_err(|_| BackupError::damaged(path, "its beginning does not open"))?;
        let mut opening = Self {
            path: path.to_owned(),
            file,
            opener,
            ahead: Vec::new(),
            ready: Vec::new(),
            last_opened: false,
            hasher,
            length: start.len() as u64,
        };
        opening.ahead = opening.read_chunk()?;
        Ok(opening)
    }

    /// Exactly so many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<Vec<u8>, BackupError> {
        while self.ready.len() < count {
            let more = self
                .next()?
                .ok_or_else(|| BackupError::damaged(&self.path, "it ends too early"))?;
            self.ready.extend_from_slice(&more);
        }
        let rest = self.ready.split_off(count);
        Ok(std::mem::replace(&mut self.ready, rest))
    }

    /// Writes all the rest into a new file and syncs it; gives back the extent of the sealed file, which is to be compared.
    pub(super) fn rest_into(mut self, path: &Path) -> Result<Extent, BackupError> {
        let mut file = files::create(path)?;
        let mut piece = Some(std::mem::take(&mut self.ready));
        while let Some(bytes) = piece {
            file.write_all(&bytes).map_err(BackupError::io(path))?;
            piece = self.next()?;
        }
        file.sync_all().map_err(BackupError::io(path))?;
        Ok(Extent {
            hash: *self.hasher.finalize().as_bytes(),
            length: self.length,
        })
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        if self.last_opened {
            return Ok(None);
        }
        let behind = self.read_chunk()?;
        let sealed = std::mem::replace(&mut self.ahead, behind);
        self.last_opened = self.ahead.is_empty();
        self.opener
            .open(&[u8::from(self.last_opened)], &sealed)
            .map(Some)
            .map_err(|_| BackupError::damaged(&self.path, "a part of it does not open"))
    }

    fn read_chunk(&mut self) -> Result<Vec<u8>, BackupError> {
        let chunk = read_up_to(&mut self.file, CHUNK + TAG, &self.path)?;
        self.hasher.update(&chunk);
        self.length += chunk.len() as u64;
        Ok(chunk)
    }
}

fn read_up_to(file: &mut File, most: usize, path: &Path) -> Result<Vec<u8>, BackupError> {
    let mut bytes = Vec::with_capacity(most);
    file.take(most as u64)
        .read_to_end(&mut bytes)
        .map_err(BackupError::io(path))?;
    Ok(bytes)
}
