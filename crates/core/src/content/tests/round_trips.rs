use super::*;
use crannog_seal::floe::sealed_len;

#[test]
fn lengths_of_chunks_follow_from_the_size() {
    assert_eq!((chunk_count(0), chunk_len(0, 0)), (0, None));
    assert_eq!(
        (chunk_count(1), chunk_len(1, 0), chunk_len(1, 1)),
        (1, Some(1), None)
    );
    assert_eq!(
        (chunk_count(CHUNK), chunk_len(CHUNK, 0), chunk_len(CHUNK, 1)),
        (1, Some(CHUNK), None)
    );
    assert_eq!((chunk_count(CHUNK + 1), chunk_len(CHUNK + 1, 1)), (2, Some(1)));
    assert_eq!(chunk_len(u64::MAX, u64::MAX), None);
    assert_eq!(chunk_count(u64::MAX), 1 << 42);
    assert_eq!(
        (
            leaf_count(64 * CHUNK),
            leaf_count(64 * CHUNK + 1),
            leaf_count(4_096 * CHUNK + 1)
        ),
        (0, 1, 2)
    );
}

#[test]
fn the_longest_piece_is_the_longest_whose_message_fits_a_pack() {
    assert!(sealed_len(PIECE_MAX as u64) <= PACK_MAX as u64);
    assert!(sealed_len(PIECE_MAX as u64 + 1) > PACK_MAX as u64);
    assert_eq!(sealed_len(CHUNK), 4_196_458);
    assert!(sealed_len(CHUNK) <= crannog_proto::limits::BLOB_MAX as u64);
}

#[test]
fn whole_chunks_and_long_tails() {
    for len in [CHUNK as usize, CHUNK as usize - 1, PIECE_MAX + 1, 2_000_000] {
        let plaintext = bytes(len);
        let Ok(SealedChunk::Whole { chunk, blob }) = seal_chunk(&plaintext, &mut rng()) else {
            panic!("{len}")
        };
        assert!(blob.bytes().len() <= crannog_proto::limits::BLOB_MAX);
        assert_eq!(open_chunk(&chunk, len as u64, 0, &blob).unwrap(), plaintext);
        // The same piece as the tail of a longer file.
        assert_eq!(
            open_chunk(&chunk, CHUNK + len as u64, 1, &blob).unwrap(),
            plaintext
        );
    }
}

#[test]
fn a_piece_has_a_length() {
    assert_eq!(
        seal_chunk(&[], &mut rng()).unwrap_err(),
        ContentError::PieceLength
    );
    assert_eq!(
        seal_chunk(&bytes(CHUNK as usize + 1), &mut rng()).unwrap_err(),
        ContentError::PieceLength
    );
}

#[test]
fn many_pieces_of_one_pack_cost_one_opening() {
    let texts: Vec<Vec<u8>> = [1, 65_504, 65_505, 200_000].map(bytes).to_vec();
    let pack = pack(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>(), 0);
    let opened = OpenedPack::open(&pack.blob, &pack.chunks[0].slot.as_ref().unwrap().key).unwrap();
    for (chunk, text) in pack.chunks.iter().zip(&texts) {
        assert_eq!(&opened.chunk(chunk, text.len() as u64, 0).unwrap(), text);
        assert_eq!(
            &open_chunk(chunk, text.len() as u64, 0, &pack.blob).unwrap(),
            text
        );
    }
}

#[test]
fn a_full_pack_gives_the_piece_back() {
    let mut rng = rng();
    let mut builder = PackBuilder::new();
    assert!(builder.is_empty());
    assert_eq!(builder.add(piece(&bytes(PIECE_MAX), &mut rng)).unwrap(), 0);
    let back = builder.add(piece(b"x", &mut rng)).unwrap_err();
    assert_eq!(builder.padded_len(), PACK_MAX as u64);
    let first = builder.finish(0, &mut rng);
    assert_eq!((first.chunks.len(), first.leaves.len()), (1, 0));
    let mut builder = PackBuilder::new();
    assert_eq!(builder.add(back).unwrap(), 0);
    let second = builder.finish(0, &mut rng);
    assert_eq!(open_chunk(&second.chunks[0], 1, 0, &second.blob).unwrap(), b"x");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn any_small_files(texts in proptest::collection::vec(proptest::collection::vec(0u8.., 1..3_000), 1..20)) {
        let pack = pack(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>(), 0);
        for (chunk, text) in pack.chunks.iter().zip(&texts) {
            assert_eq!(&open_chunk(chunk, text.len() as u64, 0, &pack.blob).unwrap(), text);
        }
    }
}
