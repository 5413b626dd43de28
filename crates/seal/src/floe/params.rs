//! FLOE's parameters. Only tests use others than the standard ones.

/// Bytes before the first segment: parameters, IV, header tag.
pub const HEADER_LEN: usize = PARAMS_LEN + IV_LEN + HEADER_TAG_LEN;
pub(super) const PARAMS_LEN: usize = 10;
pub(super) const IV_LEN: usize = 32;
pub(super) const HEADER_TAG_LEN: usize = 32;

/// What a segment has besides its plaintext: length, nonce, tag.
pub const SEGMENT_OVERHEAD: usize = LENGTH_LEN + NONCE_LEN + TAG_LEN;
pub(super) const LENGTH_LEN: usize = 4;
pub(super) const NONCE_LEN: usize = 12;
pub(super) const TAG_LEN: usize = 16;

/// Length of every segment but the last.
pub const SEGMENT_LEN: usize = STANDARD.segment_len as usize;
/// Plaintext in every segment but the last.
pub const SEGMENT_PLAIN_LEN: usize = STANDARD.plain_len();

/// AES-256-GCM and HKDF-Expand-SHA-384 are fixed; these may differ in a test.
#[derive(Clone, Copy)]
pub(super) struct Params {
    /// Length of an encrypted segment.
    pub(super) segment_len: u32,
    /// A new AEAD key every 2^this segments.
    pub(super) rotation_bits: u32,
    /// Most segments in one message.
    pub(super) max_segments: u64,
}

pub(super) const STANDARD: Params = Params {
    segment_len: 65_536,
    rotation_bits: 20,
    max_segments: 1 << 40,
};

impl Params {
    /// Plaintext bytes in a full segment.
    pub(super) const fn plain_len(&self) -> usize {
        self.segment_len as usize - SEGMENT_OVERHEAD
    }

    /// `PARAM_ENCODE`.
    pub(super) fn encode(&self) -> [u8; PARAMS_LEN] {
        let mut out = [0; PARAMS_LEN];
        out[2..6].copy_from_slice(&self.segment_len.to_be_bytes());
        out[6..].copy_from_slice(&(IV_LEN as u32).to_be_bytes());
        out
    }

    /// Length of the whole message for so much plaintext; saturates.
    pub(super) const fn sealed_len(&self, plain_len: u64) -> u64 {
        let full = plain_len.div_ceil(self.plain_len() as u64);
        let segments = if full == 0 { 1 } else { full };
        plain_len
            .saturating_add(segments.saturating_mul(SEGMENT_OVERHEAD as u64))
            .saturating_add(HEADER_LEN as u64)
    }
}
