//! FLOE (c2sp.org/FLOE): the one symmetric box. AES-256-GCM in segments of 64 KiB, keys by HKDF-Expand-SHA-384, committing,
//! and safe against truncation, extension and reordering.
//!
//! ```text
//! header (74)                    | segment 0 (65,536)                  | ... | last segment (32 to 65,536)
//! params 10 | IV 32 | tag 32     | length 4 | nonce 12 | ... | tag 16  |     |
//! ```
//! FLOE shows lengths: what must hide its size is padded inside.

mod aad;
mod message;
mod params;
mod stream;
#[cfg(test)]
mod tests;

use rand_core::CryptoRng;
use zeroize::Zeroize;

pub use self::aad::{Aad, SUITE};
pub use self::params::{HEADER_LEN, SEGMENT_LEN, SEGMENT_OVERHEAD, SEGMENT_PLAIN_LEN};
pub use self::stream::{Decryptor, Encryptor, SealError};

use self::params::{Params, STANDARD};
use crate::OpenError;
use crate::secret::Secret32;

/// A secret of this crate that may key FLOE. Sealed: other crates cannot add one.
pub trait FloeKey: Secret32 {}

/// Seals `plaintext` in one go: one allocation of [`sealed_len`] bytes, encryption in place.
///
/// Keys and associated data bind the box to its purpose; the same plaintext twice gives different boxes.
pub fn seal(key: &impl FloeKey, aad: Aad<'_>, plaintext: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    seal_with(STANDARD, key.expose(), aad, plaintext, rng)
}

/// Opens a box and gives its plaintext only if all of it is genuine, whole and in order (CHK-002).
///
/// The one error is the same for a wrong key, wrong associated data and any damage.
pub fn open(key: &impl FloeKey, aad: Aad<'_>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    open_with(STANDARD, key.expose(), aad, sealed)
}

/// Length of a box that holds `plain_len` bytes: `74 + n + 32 * max(1, ceil(n / 65504))`, saturating.
pub const fn sealed_len(plain_len: u64) -> u64 {
    STANDARD.sealed_len(plain_len)
}

#[expect(
    clippy::expect_used,
    reason = "what lies in memory is far below 2^40 segments, and is cut here into right lengths"
)]
fn seal_with(
    params: Params,
    key: &[u8; 32],
    aad: Aad<'_>,
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(params.sealed_len(plaintext.len() as u64) as usize);
    let (mut encryptor, header) = Encryptor::with_params(params, key, aad, rng);
    out.extend_from_slice(&header);
    let mut rest = plaintext;
    while rest.len() > params.plain_len() {
        let (segment, tail) = rest.split_at(params.plain_len());
        encryptor.segment(segment, &mut out, rng).expect("a full segment");
        rest = tail;
    }
    encryptor
        .finish(rest, &mut out, rng)
        .expect("at most a full segment");
    out
}

fn open_with(params: Params, key: &[u8; 32], aad: Aad<'_>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (header, mut rest) = sealed.split_at_checked(HEADER_LEN).ok_or(OpenError)?;
    let mut decryptor = Decryptor::with_params(params, key, aad, header)?;
    // Room for the plaintext and, for a moment, the last segment's tag: never grows.
    let overhead = rest.len().div_ceil(params.segment_len as usize) * SEGMENT_OVERHEAD;
    let mut out = Vec::with_capacity(rest.len().saturating_sub(overhead) + params::TAG_LEN);
    let opened = loop {
        match rest.split_at_checked(params.segment_len as usize) {
            Some((segment, tail)) if !tail.is_empty() => {
                if decryptor.segment(segment, &mut out).is_err() {
                    break Err(OpenError);
                }
                rest = tail;
            }
            _ => break decryptor.finish(rest, &mut out),
        }
    };
    // Segments that were genuine must not leave a message that is not.
    if opened.is_err() {
        out.zeroize();
    }
    opened.map(|()| out)
}
