//! What follows the head, segment by segment: memory is bounded by two segments.

use std::io::{self, Read, Write};

use crannog_seal::OpenError;
use crannog_seal::floe::{Aad, Decryptor, Encryptor, HEADER_LEN, SEGMENT_LEN, SEGMENT_PLAIN_LEN, SealError};
use crannog_seal::keyd::StreamKey;
use crannog_seal::labels::SEAL_KEYD_STREAM;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::head::Head;

/// Why a file was not written, or not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("{0}")]
    Read(io::Error),
    #[error("{0}")]
    Write(io::Error),
    /// CHK-002: wrong key or head, or any damage.
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Encrypts all of `from`, and writes it behind its head. How many bytes it was.
pub(crate) fn seal(
    key: &StreamKey,
    head: &Head,
    from: &mut impl Read,
    to: &mut impl Write,
    rng: &mut impl CryptoRng,
) -> Result<u64, StreamError> {
    let (mut encryptor, header) = Encryptor::new(key, Aad::new(SEAL_KEYD_STREAM, head.bytes()), rng);
    to.write_all(head.bytes()).map_err(StreamError::Write)?;
    to.write_all(&header).map_err(StreamError::Write)?;
    let mut sealed = Vec::with_capacity(SEGMENT_LEN);
    let mut segments = Segments::new(from, SEGMENT_PLAIN_LEN)?;
    while !segments.is_last() {
        sealed.clear();
        encryptor.segment(segments.current(), &mut sealed, rng)?;
        to.write_all(&sealed).map_err(StreamError::Write)?;
        segments.advance()?;
    }
    sealed.clear();
    encryptor.finish(segments.current(), &mut sealed, rng)?;
    to.write_all(&sealed).map_err(StreamError::Write)?;
    Ok(segments.read)
}

/// Decrypts what follows `head` in `from`. How many bytes came out; they are the file's **only** if this is no error: until the end
/// nobody knows that none are missing.
pub(crate) fn open(
    key: &StreamKey,
    head: &Head,
    from: &mut impl Read,
    to: &mut impl Write,
) -> Result<u64, StreamError> {
    let mut header = [0; HEADER_LEN];
    from.read_exact(&mut header).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => StreamError::Open(OpenError),
        _ => StreamError::Read(error),
    })?;
    let mut decryptor = Decryptor::new(key, Aad::new(SEAL_KEYD_STREAM, head.bytes()), &header)?;
    // Room for the tag that is cut off: it never grows, so that no plaintext is left behind.
    let mut opened = Zeroizing::new(Vec::with_capacity(SEGMENT_LEN));
    let mut written = 0;
    let mut segments = Segments::new(from, SEGMENT_LEN)?;
    while !segments.is_last() {
        opened.clear();
        decryptor.segment(segments.current(), &mut opened)?;
        to.write_all(&opened).map_err(StreamError::Write)?;
        written += opened.len() as u64;
        segments.advance()?;
    }
    opened.clear();
    decryptor.finish(segments.current(), &mut opened)?;
    to.write_all(&opened).map_err(StreamError::Write)?;
    Ok(written + opened.len() as u64)
}

/// Pieces of one length, of which the last may be shorter: it is known by looking one ahead.
struct Segments<'r, R> {
    from: &'r mut R,
    len: usize,
    current: Zeroizing<Vec<u8>>,
    next: Zeroizing<Vec<u8>>,
    read: u64,
}

impl<'r, R: Read> Segments<'r, R> {
    fn new(from: &'r mut R, len: usize) -> Result<Self, StreamError> {
        let room = || Zeroizing::new(Vec::with_capacity(len));
        let mut segments = Self {
            from,
            len,
            current: room(),
            next: room(),
            read: 0,
        };
        segments.advance()?;
        segments.advance()?;
        Ok(segments)
    }

    fn current(&self) -> &[u8] {
        &self.current
    }

    fn is_last(&self) -> bool {
        self.next.is_empty()
    }

    fn advance(&mut self) -> Result<(), StreamError> {
        std::mem::swap(&mut self.current, &mut self.next);
        self.next.clear();
        let mut piece = self.from.by_ref().take(self.len as u64);
        let read = piece.read_to_end(&mut self.next).map_err(StreamError::Read)?;
        self.read += read as u64;
        Ok(())
    }
}
