//! Vectors of c2sp.org/XAES-256-GCM, the accumulated test among them, and the commitments of docs/spec/keyd.md.

use data_encoding::HEXLOWER;
use shake::Shake128;
use shake::digest::{ExtendableOutput, Update, XofReader};

use super::*;
use crate::tests::Random;

const NONCE: &[u8; 24] = b"ABCDEFGHIJKLMNOPQRSTUVWX";

fn sealed(key: u8, aad: &[u8]) -> (String, String) {
    let xaes = Xaes::new(&[key; 32]);
    let mut out = Vec::new();
    xaes.seal_with(NONCE, aad, b"XAES-256-GCM", &mut out).unwrap();
    (HEXLOWER.encode(&out), HEXLOWER.encode(&xaes.commitment(NONCE)))
}

#[test]
fn published_vectors_and_commitments() {
    let (text, commitment) = sealed(1, b"");
    assert_eq!(text, "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
    assert_eq!(
        commitment,
        "04076b6085eebab138855fe57811c04112eff989d44120dfff662d5475a383c3"
    );
    let (text, commitment) = sealed(3, b"c2sp.org/XAES-256-GCM");
    assert_eq!(text, "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
    assert_eq!(
        commitment,
        "5553cd21d1592b422e3129632a3187eee8a658cdca5c5b32ce86308dcc18e9d1"
    );
}

/// *Accumulated randomized tests*: inputs from SHAKE-128 of nothing, outputs into another SHAKE-128.
#[test]
fn accumulated_10_000() {
    let mut source = Shake128::default().finalize_xof();
    let mut sum = Shake128::default();
    for _ in 0..10_000 {
        let mut array = |len: usize| {
            let mut bytes = vec![0; len];
            source.read(&mut bytes);
            bytes
        };
        let (key, nonce) = (array(32), array(24));
        let len = array(1)[0].into();
        let plaintext = array(len);
        let len = array(1)[0].into();
        let aad = array(len);

        let xaes = Xaes::new(key.as_slice().try_into().unwrap());
        let nonce: &[u8; 24] = nonce.as_slice().try_into().unwrap();
        let mut out = Vec::new();
        xaes.seal_with(nonce, &aad, &plaintext, &mut out).unwrap();
        sum.update(&out);

        let whole = [nonce.as_slice(), &out, &xaes.commitment(nonce)].concat();
        assert_eq!(xaes.open(&aad, &whole).unwrap().expose(), plaintext);
    }
    let mut hash = [0; 32];
    sum.finalize_xof().read(&mut hash);
    assert_eq!(
        HEXLOWER.encode(&hash),
        "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
    );
}

/// KEY-006: a box that is genuine under a second key is refused there all the same, for want of that key's commitment.
#[test]
fn a_genuine_tag_without_the_commitment_does_not_open() {
    let (one, other) = (Xaes::new(&[1; 32]), Xaes::new(&[2; 32]));
    let mut out = NONCE.to_vec();
    other.seal_with(NONCE, b"", b"text", &mut out).unwrap();
    out.extend_from_slice(&one.commitment(NONCE));
    assert_eq!(other.open(b"", &out).err(), Some(Unopened));
    assert_eq!(one.open(b"", &out).err(), Some(Unopened));
    let honest = other.seal(b"", b"text", &mut Random::new(1)).unwrap();
    assert_eq!(other.open(b"", &honest).unwrap().expose(), b"text");
}
