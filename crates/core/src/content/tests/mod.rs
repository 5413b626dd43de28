//! Tests of content: round trips, attacks, padding.

mod attacks;
mod lists;
mod padding;
mod round_trips;

use super::test_rng::TestRng;
use super::*;

/// Some bytes that are not all alike.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(31) >> 3) as u8).collect()
}

fn rng() -> TestRng {
    TestRng::new("content")
}

/// Whose randomness is another's.
fn liar() -> TestRng {
    TestRng::new("liar")
}

/// Seals a small piece.
fn piece(plaintext: &[u8], rng: &mut TestRng) -> SealedPiece {
    match seal_chunk(plaintext, rng) {
        Ok(SealedChunk::Piece(piece)) => piece,
        other => panic!("not a piece: {other:?}"),
    }
}

/// A pack of these pieces.
fn pack(pieces: &[&[u8]], extra: u64) -> SealedPack {
    let mut rng = rng();
    let mut builder = PackBuilder::new();
    for (index, plaintext) in pieces.iter().enumerate() {
        assert_eq!(builder.add(piece(plaintext, &mut rng)).unwrap(), index);
    }
    builder.finish(extra, &mut rng)
}
