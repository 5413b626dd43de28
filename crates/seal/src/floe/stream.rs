//! Segment by segment, in order: for what does not fit into memory.

use rand_core::CryptoRng;

use super::FloeKey;
use super::aad::Aad;
use super::message::Message;
use super::params::{HEADER_LEN, Params, STANDARD};
use crate::OpenError;

/// What a caller of [`Encryptor`] can do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Every segment but the last holds exactly [`SEGMENT_PLAIN_LEN`](super::SEGMENT_PLAIN_LEN) bytes, the last at most that.
    #[error("a segment's plaintext has the wrong length")]
    SegmentLength,
    /// A message has at most 2^40 segments.
    #[error("the message has too many segments")]
    TooLong,
}

/// Seals a message segment by segment.
///
/// Forgetting [`finish`](Self::finish) leaves a message that nobody can open.
pub struct Encryptor<'a> {
    message: Message<'a>,
    params: Params,
    next: u64,
}

impl<'a> Encryptor<'a> {
    /// Begins a message; its header goes first.
    pub fn new(key: &impl FloeKey, aad: Aad<'a>, rng: &mut impl CryptoRng) -> (Self, [u8; HEADER_LEN]) {
        Self::with_params(STANDARD, key.expose(), aad, rng)
    }

    pub(super) fn with_params(
        params: Params,
        key: &[u8; 32],
        aad: Aad<'a>,
        rng: &mut impl CryptoRng,
    ) -> (Self, [u8; HEADER_LEN]) {
        let (message, header) = Message::start(params, key, aad, rng);
        (
            Self {
                message,
                params,
                next: 0,
            },
            header,
        )
    }

    /// Appends a sealed segment, not the last one, to `out`.
    pub fn segment(
        &mut self,
        plaintext: &[u8],
        out: &mut Vec<u8>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), SealError> {
        if plaintext.len() != self.params.plain_len() {
            return Err(SealError::SegmentLength);
        }
        if self.next >= self.params.max_segments - 1 {
            return Err(SealError::TooLong);
        }
        self.message.seal(self.next, false, plaintext, out, rng);
        self.next += 1;
        Ok(())
    }

    /// Appends the last segment to `out`.
    pub fn finish(
        mut self,
        plaintext: &[u8],
        out: &mut Vec<u8>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), SealError> {
        if plaintext.len() > self.params.plain_len() {
            return Err(SealError::SegmentLength);
        }
        self.message.seal(self.next, true, plaintext, out, rng);
        Ok(())
    }
}

/// Opens a message segment by segment. What it yields is verified, in order and from the beginning; that nothing is
/// **missing at the end** is known only once [`finish`](Self::finish) said so.
pub struct Decryptor<'a> {
    message: Message<'a>,
    params: Params,
    /// `None` after an error: a broken message stays broken.
    next: Option<u64>,
}

impl<'a> Decryptor<'a> {
    /// Checks the header, [`HEADER_LEN`] bytes.
    pub fn new(key: &impl FloeKey, aad: Aad<'a>, header: &[u8]) -> Result<Self, OpenError> {
        Self::with_params(STANDARD, key.expose(), aad, header)
    }

    pub(super) fn with_params(
        params: Params,
        key: &[u8; 32],
        aad: Aad<'a>,
        header: &[u8],
    ) -> Result<Self, OpenError> {
        Ok(Self {
            message: Message::resume(params, key, aad, header)?,
            params,
            next: Some(0),
        })
    }

    /// Opens a segment that is not the last, exactly [`SEGMENT_LEN`](super::SEGMENT_LEN) bytes, and appends its plaintext to
    /// `out`. On error `out` is as it was, and nothing more can be opened.
    pub fn segment(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let position = self
            .next
            .take()
            .filter(|n| *n < self.params.max_segments - 1)
            .ok_or(OpenError)?;
        self.message.open(position, false, sealed, out)?;
        self.next = Some(position + 1);
        Ok(())
    }

    /// Opens the last segment. Only now the message is known to be whole.
    pub fn finish(mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let position = self.next.ok_or(OpenError)?;
        self.message.open(position, true, sealed, out)
    }
}

impl core::fmt::Debug for Encryptor<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Encryptor")
    }
}

impl core::fmt::Debug for Decryptor<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Decryptor")
    }
}
