use std::io;

use crannog_keyd_client::Name;
use crannog_seal::floe::{HEADER_LEN, SEGMENT_LEN, SEGMENT_PLAIN_LEN};
use crannog_seal::keyd::StreamKey;

use super::head::HeadError;
use super::{Head, StreamError, open, seal};

fn key() -> StreamKey {
    StreamKey::from_bytes(&[7; 32])
}

fn head(name: &str) -> Head {
    Head::new(Name::parse(name).unwrap(), "vault:v1:AAAA".into()).unwrap()
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let read = seal(
        &key(),
        &head("shop"),
        &mut &plain[..],
        &mut file,
        &mut rand::rng(),
    )
    .unwrap();
    assert_eq!(read, plain.len() as u64);
    file
}

/// Head and plaintext, or what is wrong with the body.
fn opened(mut file: &[u8]) -> Result<Vec<u8>, StreamError> {
    let head = Head::read(&mut file).unwrap();
    let mut plain = Vec::new();
    open(&key(), &head, &mut file, &mut plain).map(|_| plain)
}

#[test]
fn what_was_encrypted_comes_out() {
    for len in [
        0,
        1,
        SEGMENT_PLAIN_LEN - 1,
        SEGMENT_PLAIN_LEN,
        SEGMENT_PLAIN_LEN + 1,
        3 * SEGMENT_PLAIN_LEN,
    ] {
        let plain: Vec<u8> = (0..len).map(|at| at as u8).collect();
        assert_eq!(opened(&sealed(&plain)).unwrap(), plain, "{len}");
    }
}

#[test]
fn the_head_is_as_the_page_says() {
    let file = sealed(b"x");
    let expected = [
        b"CRKDFIL1".as_slice(),
        &[4, 0],
        b"shop",
        &[13, 0],
        b"vault:v1:AAAA",
    ]
    .concat();
    assert!(file.starts_with(&expected));
    let mut rest = &file[..];
    assert_eq!(Head::read(&mut rest).unwrap(), head("shop"));
    assert_eq!(rest.len(), file.len() - expected.len());
}

/// CHK-002: truncated, extended, segments swapped, any byte changed, another key's name or data key in the head.
#[test]
fn every_change_is_found() {
    let plain: Vec<u8> = (0..3 * SEGMENT_PLAIN_LEN).map(|at| (at / 7) as u8).collect();
    let file = sealed(&plain);
    let body = head("shop").bytes().len() + HEADER_LEN;
    let refused = |changed: &[u8], what: &str| {
        assert!(matches!(opened(changed), Err(StreamError::Open(_))), "{what}");
    };
    let ends = [
        body - 1,
        body,
        body + SEGMENT_LEN,
        body + 2 * SEGMENT_LEN,
        file.len() - 1,
    ];
    for end in ends {
        refused(&file[..end], "truncated");
    }
    refused(&[&file[..], b"x"].concat(), "extended");

    let mut swapped = file.clone();
    let (first, second) = swapped[body..].split_at_mut(SEGMENT_LEN);
    first.swap_with_slice(&mut second[..SEGMENT_LEN]);
    refused(&swapped, "swapped");

    for at in (body - HEADER_LEN..file.len()).step_by(9_973) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        refused(&changed, "changed");
    }
    for other in [
        head("ship"),
        Head::new(Name::parse("shop").unwrap(), "vault:v2:AAAA".into()).unwrap(),
    ] {
        let tail = &file[head("shop").bytes().len()..];
        refused(&[other.bytes(), tail].concat(), "another head");
    }
    let mut rest = &file[head("shop").bytes().len()..];
    let other = StreamKey::from_bytes(&[8; 32]);
    let opened = open(&other, &head("shop"), &mut rest, &mut io::sink());
    assert!(matches!(opened, Err(StreamError::Open(_))), "another data key");
}

#[test]
fn what_is_no_head_is_refused() {
    let whole = head("shop").bytes().to_vec();
    for end in 0..whole.len() {
        assert!(Head::read(&mut &whole[..end]).is_err(), "{end}");
    }
    let mut newer = whole.clone();
    newer[7] = b'2';
    assert!(matches!(Head::read(&mut &newer[..]), Err(HeadError::Format)));
    for wrong in [
        &b"CRKDFIL1\x02\0.a\x01\0x"[..],
        b"CRKDFIL1\x01\0a\x01\0\n",
        b"CRKDFIL1\0\0\x01\0x",
        b"CRKDFIL1\x01\0\xff\x01\0x",
    ] {
        assert!(matches!(Head::read(&mut &wrong[..]), Err(HeadError::Damaged)));
    }
}
