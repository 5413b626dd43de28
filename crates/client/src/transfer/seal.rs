//! From local bytes to sealed pieces: the work that is done on many threads.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use crannog_core::content::{self, Chunk, SealedChunk, chunk_count, chunk_len, seal_chunk};

use crate::db::{ChunkHash, FileStamp};
use crate::error::{Error, Result};

use super::scan;

/// A keyed hash for chunks: BLAKE3 under a key that only this profile has, so that no plaintext hash exists anywhere else.
#[derive(Clone)]
pub(crate) struct HashKey(Arc<zeroize::Zeroizing<[u8; 32]>>);

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey")
    }
}

impl HashKey {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(Arc::new(zeroize::Zeroizing::new(key)))
    }

    pub(crate) fn hash(&self, plaintext: &[u8]) -> ChunkHash {
        *blake3::keyed_hash(&self.0, plaintext).as_bytes()
    }
}

/// What is known of a file's chunks before it is read: by place, the hash and where such a chunk already is.
pub(crate) type Known = HashMap<u64, (ChunkHash, Chunk)>;

/// A local file that is to be sent.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) stamp: FileStamp,
    /// Chunks of the version before, and chunks that are staged already.
    pub(crate) known: Known,
}

/// One chunk, ready.
#[derive(Debug)]
pub(crate) struct ReadyChunk {
    pub(crate) hash: ChunkHash,
    pub(crate) bytes: u64,
    pub(crate) at: Ready,
}

/// Where its bytes are.
#[derive(Debug)]
pub(crate) enum Ready {
    /// On the server already.
    Known(Chunk),
    /// Sealed, to be sent.
    Sealed(SealedChunk),
}

/// Reads chunk `place` and seals it unless it is known. A file that ends early has changed: an error.
pub(crate) fn ready_chunk(
    file: &File,
    source: &Source,
    place: u64,
    key: &HashKey,
    buffer: &mut Vec<u8>,
) -> Result<ReadyChunk> {
    let len = chunk_len(source.stamp.size, place).unwrap_or(0);
    let size = usize::try_from(len).unwrap_or(usize::MAX);
    buffer.resize(size, 0);
    file.read_exact_at(buffer, place * content::CHUNK)
        .map_err(|error| changed_or(source, error))?;
    seal_ready(buffer, source.known.get(&place), key)
}

/// The keyed hash of chunk `place`, without sealing it.
pub(crate) fn hash_chunk(
    file: &File,
    source: &Source,
    place: u64,
    key: &HashKey,
    buffer: &mut Vec<u8>,
) -> Result<ChunkHash> {
    let len = chunk_len(source.stamp.size, place).unwrap_or(0);
    buffer.resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
    file.read_exact_at(buffer, place * content::CHUNK)
        .map_err(|error| changed_or(source, error))?;
    Ok(key.hash(buffer))
}

/// Hashes and seals one chunk, unless `known` is the same.
pub(crate) fn seal_ready(
    plaintext: &[u8],
    known: Option<&(ChunkHash, Chunk)>,
    key: &HashKey,
) -> Result<ReadyChunk> {
    let bytes = plaintext.len() as u64;
    let hash = key.hash(plaintext);
    let at = match known {
        Some((before, chunk)) if *before == hash => Ready::Known(chunk.clone()),
        _ => Ready::Sealed(
            seal_chunk(plaintext, &mut rand::rng())
                .map_err(|_| internal("a chunk of an impossible length"))?,
        ),
    };
    Ok(ReadyChunk { hash, bytes, at })
}

/// All chunks of a small file, one after another.
pub(crate) fn ready_file(source: &Source, key: &HashKey, buffer: &mut Vec<u8>) -> Result<Vec<ReadyChunk>> {
    let file = open(source)?;
    let chunks = (0..chunk_count(source.stamp.size))
        .map(|place| ready_chunk(&file, source, place, key, buffer))
        .collect();
    check_unchanged(&file, source)?;
    chunks
}

/// Opens without following a link that may have taken the file's place.
pub(crate) fn open(source: &Source) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
        .open(&source.path)
        .map_err(|error| Error::io(&source.path, error))
}

/// After reading: the file is still the one that was found, else what was read may be a mixture.
pub(crate) fn check_unchanged(file: &File, source: &Source) -> Result<()> {
    let metadata = file.metadata().map_err(|error| Error::io(&source.path, error))?;
    if scan::stamp(&metadata) == source.stamp {
        Ok(())
    } else {
        Err(changed(source))
    }
}

fn changed_or(source: &Source, error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        changed(source)
    } else {
        Error::io(&source.path, error)
    }
}

fn changed(source: &Source) -> Error {
    use crannog_agent_api::{Code, Failure};
    Error::User(
        Failure::new(
            Code::TryAgain,
            "the file changed while it was read, so it was left out",
        )
        .object(source.path.display().to_string())
        .hint("put it again when nothing writes to it"),
    )
}

pub(crate) fn internal(what: &'static str) -> Error {
    Error::User(crannog_agent_api::Failure::new(
        crannog_agent_api::Code::Internal,
        what,
    ))
}
