//! Filler: the blobs of one entry together show only a Padmé total.

use crannog_proto::padme::padme;
use crannog_seal::content::FillerKey;
use rand_core::CryptoRng;

use super::{Blob, CHUNK};

/// What has to be added to the blobs of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filler {
    /// So many bytes go into the last pack, when it is finished.
    pub last_pack: u64,
    /// And a filler blob of each of these lengths is stored and listed.
    pub blobs: Vec<u64>,
}

/// What brings blobs with `total` bytes of plaintext (padding included: [`Blob::plain_len`], [`PackBuilder::padded_len`]) to Padmé(total).
///
/// `last_pack` is the padded length of a pack that is not finished yet; it is part of `total`. Plaintext is counted because
/// FLOE boxes do not come in every length; both show the same.
///
/// [`PackBuilder::padded_len`]: super::PackBuilder::padded_len
pub fn plan_filler(total: u64, last_pack: Option<u64>) -> Filler {
    let missing = padme(total).saturating_sub(total);
    let (whole, rest) = (missing / CHUNK, missing % CHUNK);
    let mut filler = Filler {
        last_pack: 0,
        blobs: vec![CHUNK; whole as usize],
    };
    match last_pack {
        Some(len) if len + rest <= CHUNK => filler.last_pack = rest,
        _ if rest > 0 => filler.blobs.push(rest),
        _ => {}
    }
    filler
}

/// A filler blob with `len` bytes of plaintext, at most 4 MiB: a box like any other, whose key nobody has.
pub fn seal_filler(len: u64, rng: &mut impl CryptoRng) -> Blob {
    Blob::new(FillerKey::generate(rng).seal_zeros(len.min(CHUNK) as usize, rng))
}
