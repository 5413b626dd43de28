use data_encoding::HEXUPPER_PERMISSIVE as HEX;
use proptest::prelude::*;

use super::params::STANDARD;
use super::*;
use crate::content::ContentKey;
use crate::labels;
use crate::test_rng::CountingRng;

const SMALL: Params = Params {
    segment_len: 64,
    rotation_bits: 20,
    max_segments: 1 << 40,
};
const AAD: Aad<'static> = Aad::suite(labels::SEAL_CHUNK);
const KEY: [u8; 32] = [9; 32];

fn seal_small(plaintext: &[u8]) -> Vec<u8> {
    seal_with(SMALL, &KEY, AAD, plaintext, &mut CountingRng::default())
}

fn open_small(sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    open_with(SMALL, &KEY, AAD, sealed)
}

fn vector(name: &str) -> Vec<u8> {
    let path = format!("{}/../../vectors/floe/cpp_{name}.txt", env!("CARGO_MANIFEST_DIR"));
    HEX.decode(std::fs::read_to_string(path).unwrap().trim().as_bytes())
        .unwrap()
}

#[test]
fn published_vectors_open() {
    let mask20 = |segment_len| Params {
        segment_len,
        ..STANDARD
    };
    for (name, params) in [
        ("GCM256_IV256_64", mask20(64)),
        ("GCM256_IV256_4K", mask20(4096)),
        (
            "rotation",
            Params {
                segment_len: 40,
                rotation_bits: 2,
                ..STANDARD
            },
        ),
    ] {
        let (plain, sealed) = (vector(&format!("{name}_pt")), vector(&format!("{name}_ct")));
        let aad = Aad::raw(b"This is AAD");
        assert_eq!(
            open_with(params, &[0; 32], aad, &sealed),
            Ok(plain.clone()),
            "{name}"
        );
        assert_eq!(
            params.sealed_len(plain.len() as u64),
            sealed.len() as u64,
            "{name}"
        );
        assert_eq!(open_with(params, &[1; 32], aad, &sealed), Err(OpenError));
        assert_eq!(
            open_with(params, &[0; 32], Aad::raw(b"This is AAE"), &sealed),
            Err(OpenError)
        );
        if name == "rotation" {
            let other = Params {
                rotation_bits: 3,
                ..params
            };
            assert_eq!(open_with(other, &[0; 32], aad, &sealed), Err(OpenError));
        }
    }
}

#[test]
fn standard_parameters_are_the_specified_ones() {
    assert_eq!(
        (SEGMENT_LEN, SEGMENT_PLAIN_LEN, HEADER_LEN, SEGMENT_OVERHEAD),
        (65_536, 65_504, 74, 32)
    );
    assert_eq!(STANDARD.encode(), [0, 0, 0, 1, 0, 0, 0, 0, 0, 32]);
    assert_eq!(sealed_len(0), 106);
    assert_eq!(sealed_len(65_504), 74 + 65_536);
    assert_eq!(sealed_len(65_505), 74 + 65_536 + 33);
    assert_eq!(sealed_len(u64::MAX), u64::MAX);
}

#[test]
fn round_trips_at_every_boundary_without_growing() {
    let key = ContentKey::from_bytes(&KEY);
    let mut rng = CountingRng::default();
    for len in [0, 1, 65_503, 65_504, 65_505, 131_008, 131_009, 300_000] {
        let plain: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let sealed = seal(&key, AAD, &plain, &mut rng);
        assert_eq!(sealed.len() as u64, sealed_len(len as u64));
        assert_eq!(sealed.capacity(), sealed.len());
        let opened = open(&key, AAD, &sealed).unwrap();
        assert!(opened == plain && opened.capacity() <= plain.len() + params::TAG_LEN);
    }
}

#[test]
fn every_byte_flip_is_the_same_error() {
    for len in [0, 5, 32, 70] {
        let good = seal_small(&vec![0xAB; len]);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert_eq!(open_small(&bad), Err(OpenError), "byte {at} bit {bit} of {len}");
            }
        }
    }
}

#[test]
fn truncation_and_extension_are_refused() {
    let good = seal_small(&[7; 32 * 5 + 3]);
    for len in 0..good.len() {
        assert_eq!(open_small(&good[..len]), Err(OpenError), "cut to {len}");
    }
    for tail in [1, 31, 32, 63, 64, 65] {
        let mut bad = good.clone();
        bad.extend(vec![0; tail]);
        assert_eq!(open_small(&bad), Err(OpenError), "longer by {tail}");
    }
    // A last segment repeated, and a second whole message behind the first.
    let last = good[good.len() - 35..].to_vec();
    assert_eq!(open_small(&[good.clone(), last].concat()), Err(OpenError));
    assert_eq!(open_small(&[good.clone(), good.clone()].concat()), Err(OpenError));
}

#[test]
fn segments_cannot_be_swapped_dropped_or_moved_between_messages() {
    let plain: Vec<u8> = (0..32 * 4).collect();
    let mut rng = CountingRng::default();
    let a = seal_with(SMALL, &KEY, AAD, &plain, &mut rng);
    let b = seal_with(SMALL, &KEY, AAD, &plain, &mut rng);
    let segment = |message: &[u8], i: usize| message[HEADER_LEN + 64 * i..HEADER_LEN + 64 * (i + 1)].to_vec();
    let join = |header: &[u8], order: &[Vec<u8>]| [&header[..HEADER_LEN], &order.concat()].concat();
    let parts: Vec<_> = (0..4).map(|i| segment(&a, i)).collect();
    let [s0, s1, s2, s3] = [&parts[0], &parts[1], &parts[2], &parts[3]].map(Clone::clone);
    assert_eq!(
        open_small(&join(&a, &[s0.clone(), s1.clone(), s2.clone(), s3.clone()])),
        Ok(plain)
    );
    for bad in [
        join(&a, &[s1.clone(), s0.clone(), s2.clone(), s3.clone()]),
        join(&a, &[s0.clone(), s1.clone(), s3.clone(), s2.clone()]),
        join(&a, &[s0.clone(), s2.clone(), s3.clone()]),
        join(&a, &[s0.clone(), s0.clone(), s1.clone(), s2.clone(), s3.clone()]),
        join(&a, &[s0.clone(), segment(&b, 1), s2.clone(), s3.clone()]),
        join(&b, &[s0, s1, s2, s3]),
    ] {
        assert_eq!(open_small(&bad), Err(OpenError));
    }
}

#[test]
fn key_and_associated_data_must_match() {
    let sealed = seal_small(b"secret");
    assert_eq!(open_with(SMALL, &[8; 32], AAD, &sealed), Err(OpenError));
    assert_eq!(
        open_with(SMALL, &KEY, Aad::suite(labels::SEAL_PACK), &sealed),
        Err(OpenError)
    );
    assert_eq!(
        open_with(SMALL, &KEY, Aad::new(labels::SEAL_CHUNK, &[2]), &sealed),
        Err(OpenError)
    );
    assert_eq!(open_with(STANDARD, &KEY, AAD, &sealed), Err(OpenError));
}

#[test]
fn too_many_segments_are_refused_on_both_sides() {
    let limited = Params {
        max_segments: 2,
        ..SMALL
    };
    let mut rng = CountingRng::default();
    let (mut encryptor, _) = Encryptor::with_params(limited, &KEY, AAD, &mut rng);
    let mut out = Vec::new();
    assert_eq!(encryptor.segment(&[0; 32], &mut out, &mut rng), Ok(()));
    assert_eq!(
        encryptor.segment(&[0; 32], &mut out, &mut rng),
        Err(SealError::TooLong)
    );
    assert_eq!(
        encryptor.segment(&[0; 31], &mut out, &mut rng),
        Err(SealError::SegmentLength)
    );
    assert_eq!(
        encryptor.finish(&[0; 33], &mut out, &mut rng),
        Err(SealError::SegmentLength)
    );
    assert_eq!(
        open_with(limited, &KEY, AAD, &seal_small(&[0; 64])),
        Ok(vec![0; 64])
    );
    assert_eq!(
        open_with(limited, &KEY, AAD, &seal_small(&[0; 65])),
        Err(OpenError)
    );
}

#[test]
fn streaming_yields_only_what_verified_and_stays_broken() {
    let sealed = seal_small(&[5; 100]);
    let (header, body) = sealed.split_at(HEADER_LEN);
    let start = || Decryptor::with_params(SMALL, &KEY, AAD, header).unwrap();
    let mut out = vec![1, 2, 3];

    let mut honest = start();
    for segment in 0..3 {
        honest
            .segment(&body[64 * segment..64 * (segment + 1)], &mut out)
            .unwrap();
    }
    honest.finish(&body[192..], &mut out).unwrap();
    assert_eq!(out, [vec![1, 2, 3], vec![5; 100]].concat());

    let mut attacked = start();
    let mut bad = body[..64].to_vec();
    bad[20] ^= 1;
    let mut out = vec![1, 2, 3];
    assert_eq!(attacked.segment(&bad, &mut out), Err(OpenError));
    assert_eq!(attacked.segment(&body[..64], &mut out), Err(OpenError));
    assert_eq!(attacked.finish(&body[192..], &mut out), Err(OpenError));
    assert_eq!(
        start().finish(&body[..64], &mut out),
        Err(OpenError),
        "a middle segment is not a last one"
    );
    assert_eq!(out, [1, 2, 3]);
}

proptest! {
    #[test]
    fn anything_round_trips(plain in proptest::collection::vec(any::<u8>(), 0..400), context: Vec<u8>) {
        let aad = Aad::new(labels::SEAL_BODY, &context);
        let sealed = seal_with(SMALL, &KEY, aad, &plain, &mut CountingRng::default());
        prop_assert_eq!(open_with(SMALL, &KEY, aad, &sealed), Ok(plain));
    }

    #[test]
    fn garbage_never_opens(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(open_small(&bytes), Err(OpenError));
    }
}
