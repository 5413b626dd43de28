use super::*;
use crannog_proto::padme::padme;

#[test]
fn a_pack_shows_neither_count_nor_sizes() {
    // Messages of 106 + n bytes each: the same padded total from one, two or many.
    let one = bytes(3_950);
    let (a, b) = (bytes(100), bytes(3_700));
    let many: Vec<Vec<u8>> = (0..20).map(|_| bytes(60)).collect();
    let sizes = [
        pack(&[&one], 0).blob.bytes().len(),
        pack(&[&a, &b], 0).blob.bytes().len(),
        pack(&many.iter().map(Vec::as_slice).collect::<Vec<_>>(), 0)
            .blob
            .bytes()
            .len(),
    ];
    assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]
    #[test]
    fn the_size_of_a_pack_is_a_function_of_its_padded_total(lens in proptest::collection::vec(1usize..20_000, 1..20)) {
        let texts: Vec<Vec<u8>> = lens.iter().map(|len| bytes(*len)).collect();
        let inner: u64 = lens.iter().map(|len| crannog_seal::floe::sealed_len(*len as u64)).sum();
        let pack = pack(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>(), 0);
        assert_eq!(pack.blob.plain_len(), padme(inner.max(4_096)));
    }

    #[test]
    fn filler_brings_any_total_to_padme(blobs in 0u64..5_000, rest in 0u64..4_194_304, pack in proptest::option::of(4_096u64..1_048_576)) {
        let pack = pack.map(padme);
        let total = blobs * CHUNK + rest + pack.unwrap_or(0);
        let filler = plan_filler(total, pack);
        assert_eq!(total + filler.last_pack + filler.blobs.iter().sum::<u64>(), padme(total));
        assert!(filler.blobs.iter().all(|len| (1..=CHUNK).contains(len)));
        assert!(filler.last_pack == 0 || pack.unwrap() + filler.last_pack <= CHUNK);
    }
}

#[test]
fn filler_looks_like_any_blob() {
    let filler = seal_filler(5_000, &mut rng());
    assert_eq!(filler.plain_len(), 5_000);
    let real = pack(&[b"x"], 5_000 - 4_096);
    assert_eq!(real.blob.bytes().len(), filler.bytes().len());
    assert_eq!(real.blob.bytes()[..10], filler.bytes()[..10]);
    assert_eq!(open_chunk(&real.chunks[0], 1, 0, &real.blob).unwrap(), b"x");
    // Nothing to add: nothing is added.
    assert_eq!(plan_filler(0, None), Filler::default());
    assert_eq!(plan_filler(CHUNK, None), Filler::default());
}

#[test]
fn the_last_pack_takes_up_at_most_four_mebibytes() {
    let pack = pack(&[b"x"], u64::MAX);
    assert_eq!(pack.blob.plain_len(), CHUNK);
    assert_eq!(open_chunk(&pack.chunks[0], 1, 0, &pack.blob).unwrap(), b"x");
}
