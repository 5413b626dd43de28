//! Every byte of what the server stores, flipped: attack rows 1, 3, 10, 16, 29.

use crannog_proto::Hash;
use crannog_proto::api::Stored;
use crannog_proto::chain::next_head;

use super::world::*;
use crate::check::Check;

/// A server that flips a bit and computes the head anew.
fn flip(stored: &Stored, before: Hash, edit: impl FnOnce(&mut Stored)) -> Stored {
    let mut bad = stored.clone();
    edit(&mut bad);
    bad.head = next_head(&before, bad.seq, &bad.entry.header);
    bad
}

#[test]
fn chk_016_every_byte_of_the_header() {
    let alice = person("alice");
    let mut rng = TestRng::new("flip header");
    let (mut log, reader) = drive(&alice, &[], &mut rng);
    let stored = log.append(&reader.change(&mut rng)).clone();
    let before = log.stored[0].head;
    for at in 0..stored.entry.header.len() {
        let bad = flip(&stored, before, |bad| bad.entry.header[at] ^= 1);
        let end = stored.entry.header.len();
        let expected: &[Check] = match at {
            0 => &[Check::Version],
            1..=32 => &[Check::JournalId],
            // Epoch, entry, seen.
            33..=96 => &[Check::EpochSignature],
            // Kind: Genesis or Rekey need more bytes than there are.
            97 => &[Check::Decode, Check::Bounds],
            // Lengths of adds and drops.
            98..=105 => &[Check::Decode],
            // Hash and length of the body; place.
            _ if at < end - 1 => &[Check::Body],
            _ => &[Check::Decode],
        };
        let check = reader.refusal(&bad);
        assert!(
            expected.contains(&check),
            "byte {at} of {end}: {check:?}, expected {expected:?}"
        );
    }
    // The honest twin.
    assert!(reader.open(&stored, None).is_ok());
}

#[test]
fn chk_016_every_byte_of_the_signature() {
    let alice = person("alice");
    let mut rng = TestRng::new("flip signature");
    let (mut log, reader) = drive(&alice, &[], &mut rng);
    let stored = log.append(&reader.change(&mut rng)).clone();
    for at in 0..64 {
        let mut bad = stored.clone();
        bad.entry.signature.0[at] ^= 1;
        assert_eq!(reader.refusal(&bad), Check::EpochSignature);
    }
}

#[test]
fn chk_018_every_byte_of_the_body() {
    let alice = person("alice");
    let mut rng = TestRng::new("flip body");
    let (mut log, reader) = drive(&alice, &[], &mut rng);
    let stored = log.append(&reader.change(&mut rng)).clone();
    for at in 0..stored.entry.body.len() {
        let mut bad = stored.clone();
        bad.entry.body[at] ^= 1;
        assert_eq!(reader.refusal(&bad), Check::Body);
    }
    for len in 0..stored.entry.body.len() {
        let mut bad = stored.clone();
        bad.entry.body.truncate(len);
        assert_eq!(reader.refusal(&bad), Check::Body);
    }
}

/// A member who has the write key names the damaged body in a new header: then the box itself refuses, always alike.
#[test]
fn chk_002_every_byte_of_the_box() {
    let alice = person("alice");
    let mut rng = TestRng::new("flip box");
    let (mut log, reader) = drive(&alice, &[], &mut rng);
    let stored = log.append(&reader.change(&mut rng)).clone();
    let (before, secrets) = (log.stored[0].head, reader.state.secrets(0).unwrap());
    let mut errors = Vec::new();
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for at in 0..stored.entry.body.len() {
        let mut body = stored.entry.body.clone();
        body[at] ^= 1;
        bodies.push(body);
    }
    bodies.extend(
        [0, 1, 73, 74, 106, stored.entry.body.len() - 1].map(|len| stored.entry.body[..len].to_vec()),
    );
    for body in bodies {
        let mut bad = stored.clone();
        bad.entry.body = body;
        let bad = resign(&bad, before, &secrets, |header| {
            header.body.hash = Hash::plain(&bad.entry.body);
            header.body.len = bad.entry.body.len() as u32;
        });
        errors.push(format!("{:?}", reader.open(&bad, None).unwrap_err()));
    }
    errors.dedup();
    assert_eq!(errors, ["Refused { check: Seal, seq: 1, by: Member }"]);
}

/// The box is bound to the header: a member cannot put a body under another header.
#[test]
fn chk_002_a_box_opens_under_its_own_header_only() {
    let alice = person("alice");
    let mut rng = TestRng::new("other header");
    let (mut log, reader) = drive(&alice, &[], &mut rng);
    let stored = log.append(&reader.change(&mut rng)).clone();
    let (before, secrets) = (log.stored[0].head, reader.state.secrets(0).unwrap());
    let bad = resign(&stored, before, &secrets, |header| header.entry.0[0] ^= 1);
    assert_eq!(reader.refusal(&bad), Check::Seal);
    let bad = resign(&stored, before, &secrets, |header| {
        header.adds.push(crannog_proto::BlobId([1; 32]))
    });
    assert_eq!(reader.refusal(&bad), Check::Seal);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn random_bytes_are_refused(header in proptest::collection::vec(0u8.., 0..300), body in proptest::collection::vec(0u8.., 0..50)) {
        let alice = person("alice");
        let (log, reader) = drive(&alice, &[], &mut TestRng::new("random"));
        let mut bad = log.stored[0].clone();
        bad.seq = 1;
        bad.entry.header = header;
        bad.entry.body = body;
        assert!(reader.open(&bad, None).is_err());
    }
}
